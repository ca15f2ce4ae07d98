// The host's services over the reverse stream: the plugin asks with an id of its own, the host answers with that id.
import { Duplex } from "node:stream";
import { Metadata, type ServerDuplexStream } from "@grpc/grpc-js";

import { Failure, NotKept, permanent, type FileInit, type Init, type KeptFile, type ReplyClass } from "./index.js";
import { parse } from "./json.js";
import type { Message } from "./wire.js";

// Fetched is a reply, whole.
export class Fetched {
  constructor(
    readonly url: string,
    readonly status: number,
    readonly headers: Map<string, string>,
    readonly body: Buffer,
  ) {}

  text(): string {
    return this.body.toString("utf8");
  }

  // error is the error of a reply that is not 2xx.
  error(): Failure | undefined {
    if (this.status >= 200 && this.status <= 299) return undefined;
    const passes = [408, 425, 429].includes(this.status) || this.status >= 500;
    const wait = Number(this.headers.get("retry-after"));
    const more = [this.beginning(), this.headers.get("scrapekit-gave-up"), this.headers.get("scrapekit-login")].filter(Boolean).join(": ");
    return new Failure(`${this.url}: ${this.status}: ${more}`, !passes, wait > 0 ? wait * 1000 : 0);
  }

  private beginning(): string {
    const text = this.text();
    return text.slice(0, 200).split(/\s+/).join(" ") + (text.length > 200 ? "…" : "");
  }

  // json returns the body of a reply 2xx. Other replies, and a body that is no JSON, are errors of the right class. So is a value
  // without one of these members: it is not what was asked for, but an error in the clothes of a success. Large numbers are as in eachRecord.
  json<T>(...members: (keyof T & string)[]): T {
    const err = this.error();
    if (err) throw err;
    const beginning = this.beginning();
    let value: unknown;
    try {
      value = parse(this.text());
    } catch (err) {
      throw new Failure(`${this.url}: the reply is not JSON: ${String(err)}: ${beginning}`, false);
    }
    if (typeof value !== "object" || value === null) throw new Failure(`${this.url}: the reply is not what was expected: ${beginning}`, false);
    for (const member of members) {
      if (!(member in value)) throw new Failure(`${this.url}: the reply has no ${JSON.stringify(member)}: ${beginning}`, false);
    }
    return value as T;
  }
}

// Asked is what a question has in common with others.
interface Asked {
  url: string;
  split?: string;
  signal: AbortSignal;
}

// Request is what the host is asked for.
export type Request = Init & Asked;

interface Dialing {
  done(conn: Duplex): void;
  fail(err: Error): void;
}

const maxRedirects = 10;

// Host is the plugin's end of the stream.
export class Host {
  private stream: ServerDuplexStream<Message, Message> | undefined;
  private readonly orders = new Map<number, (m: Message) => void>();
  private readonly dialing = new Map<number, Dialing>();
  private last = 0;

  // open takes up the stream that the host has opened.
  open(stream: ServerDuplexStream<Message, Message>): void {
    this.stream = stream;
    stream.sendMetadata(new Metadata());
    stream.on("data", (m: Message) => this.take(m));
    stream.on("end", () => stream.end());
    stream.on("error", () => {}); // the connection is gone, and this process soon
  }

  // follow makes a request and follows its redirects.
  async follow({ redirects = maxRedirects, ...r }: Request): Promise<Fetched> {
    for (let left = redirects; ; left--) {
      const reply = await this.fetch(r);
      const to = reply.headers.get("location");
      if (![301, 302, 303, 307, 308].includes(reply.status) || !to || redirects === 0) return reply;
      if (left === 0) throw permanent(`${r.url}: more than ${redirects} redirects`);
      if (reply.status < 304 && !["GET", "HEAD"].includes(r.method ?? "GET")) {
        r.method = "GET";
        delete r.body;
      }
      const url = new URL(to, r.url);
      if (url.host !== new URL(r.url).host) {
        r.headers = Object.fromEntries(Object.entries(r.headers ?? {}).filter(([name]) => !["authorization", "cookie"].includes(name.toLowerCase())));
      }
      r.url = url.href;
    }
  }

  // keep has the host keep a file.
  keep(key: string, { url, split = "", signal, headers, classes = [], size, type = "" }: FileInit & Asked): Promise<KeptFile> {
    const keep = { key, url, headers: headersToWire(headers), classes: classes.map(classToWire), type, split, ...(size === undefined ? {} : { size }) };
    return this.ask<KeptFile>({ keep }, signal, (m, done, fail) => {
      const file = m["kept"] as Message | undefined;
      if (file) done({ path: String(file["path"] ?? ""), sha256: String(file["sha256"] ?? ""), size: Number(file["size"] ?? 0) });
      else fail(notKept(m["notKept"] as Message));
    });
  }

  // dial asks for a connection. The host opens it and then calls Dial, or says why not.
  dial(address: string, signal: AbortSignal): Promise<Duplex> {
    const id = ++this.last;
    return new Promise((done, fail) => {
      const give = (end: () => void): void => {
        this.dialing.delete(id);
        signal.removeEventListener("abort", abort);
        end();
      };
      const abort = (): void => give(() => {
        this.stream?.write({ id, dialCancel: {} });
        fail(new Failure("nobody waits for it any more", false));
      });
      signal.addEventListener("abort", abort);
      this.dialing.set(id, {
        done: (conn) => give(() => done(conn)),
        fail: (err) => give(() => fail(new Failure(`dial ${address}: ${err.message}`, err instanceof Failure && err.permanent))),
      });
      this.stream?.write({ id, dial: { network: "tcp", address } });
    });
  }

  // carry carries the bytes of a connection: the host's call becomes a stream of the plugin's.
  carry(call: ServerDuplexStream<Message, Message>): void {
    const conn = new Duplex({
      allowHalfOpen: true,
      read: () => void call.resume(),
      write: (data: Buffer, _, taken) => void (call.write({ data }) ? taken() : call.once("drain", taken)),
      final: (taken) => {
        call.write({ closeWrite: {} });
        if (conn.readableEnded) call.end();
        taken();
      },
      destroy: (err, taken) => {
        call.end();
        taken(err);
      },
    });
    call.on("data", (m: Message) => {
      if (m["connected"]) {
        const waiting = this.dialing.get(Number((m["connected"] as Message)["id"]));
        if (waiting) waiting.done(conn);
        else call.end(); // nobody waits for it any more
      } else if (m["data"]) {
        if (!conn.push(m["data"])) call.pause();
      } else if (m["closeWrite"]) {
        conn.push(null);
        if (conn.writableFinished) call.end();
      } else if (m["broken"]) {
        conn.destroy(new Error(String((m["broken"] as Message)["message"] ?? "the connection broke")));
      }
    });
    call.on("cancelled", () => conn.destroy(new Error("the connection broke")));
    call.on("error", (err: Error) => conn.destroy(err));
  }

  fetch(r: Request): Promise<Fetched> {
    const { method = "GET", url, split = "", idempotent = false, classes = [] } = r;
    const body = r.body === undefined ? Buffer.alloc(0) : Buffer.from(r.body);
    const fetch = { method, url, headers: headersToWire(r.headers), body, bodyInHead: true, split, idempotent, classes: classes.map(classToWire) };
    let head: Message = {};
    const chunks: Buffer[] = [];
    return this.ask<Fetched>({ fetch }, r.signal, (m, done) => {
      head = (m["fetchHead"] as Message | undefined) ?? head;
      const part = (m["fetchChunk"] as Message | undefined) ?? head;
      const data = (part["data"] ?? part["body"]) as Buffer | undefined;
      if (data?.length) chunks.push(data);
      if (part["last"]) done(new Fetched(url, Number(head["status"] ?? 0), headersFromWire(head), Buffer.concat(chunks)));
      else if (part !== head && data) this.stream?.write({ id: m["id"], fetchWindow: { bytes: data.length } });
    });
  }

  // ask asks a question and gives its answers to take, until that has called done or fail, or nobody waits any more.
  private ask<T>(
    what: Message, signal: AbortSignal, take: (m: Message, done: (answer: T) => void, fail: (err: Error) => void) => void,
  ): Promise<T> {
    const id = ++this.last;
    return new Promise((done, fail) => {
      const over = (): void => {
        this.orders.delete(id);
        signal.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        over();
        this.stream?.write({ id, cancel: {} });
        fail(new Failure("nobody waits for it any more", false));
      };
      if (signal.aborted) {
        fail(new Failure("nobody waits for it any more", false));
        return;
      }
      signal.addEventListener("abort", abort);
      const failed = (err: Error): void => (over(), fail(err));
      this.orders.set(id, (m) => {
        const error = m["requestError"] as Message | undefined;
        if (error) failed(failure(error));
        else take(m, (answer) => (over(), done(answer)), failed);
      });
      this.stream?.write({ id, ...what });
    });
  }

  log(message: string, fields: Record<string, string> = {}): void {
    this.stream?.write({ log: { level: "LEVEL_INFO", message, fields: Object.entries(fields).map(([name, value]) => ({ name, value })) } });
  }

  private take(m: Message): void {
    if (m["message"] === "dialError") {
      const e = m["dialError"] as Message;
      this.dialing.get(m["id"] as number)?.fail(new Failure(String(e["message"] ?? ""), Boolean(e["permanent"])));
      return;
    }
    this.orders.get(m["id"] as number)?.(m); // or it was given up
  }
}

function headersToWire(headers: Record<string, string> = {}): Message[] {
  return Object.entries(headers).map(([name, value]) => ({ name, value }));
}

function headersFromWire(head: Message): Map<string, string> {
  const headers = new Map<string, string>();
  for (const h of (head["headers"] as Message[] | undefined) ?? []) headers.set(String(h["name"]).toLowerCase(), String(h["value"] ?? ""));
  return headers;
}

function failure(e: Message): Failure {
  const wait = e["retryAfter"] as Message | undefined;
  const ms = wait ? Number(wait["seconds"] ?? 0) * 1000 + Number(wait["nanos"] ?? 0) / 1e6 : 0;
  return new Failure(String(e["message"] ?? ""), Boolean(e["permanent"]), ms, Boolean(e["robots"]));
}

function notKept(e: Message): Failure {
  if (e["error"]) return failure(e["error"] as Message);
  const [status, problem] = [Number(e["status"] ?? 0), String(e["problem"] ?? "")];
  return new NotKept(`${String(e["url"])}: ${problem || `${status}: ${String(e["said"] ?? "")}`}`, status, problem, Boolean(e["tooLong"]));
}

function classToWire({ pauseMs, ...c }: ReplyClass): Message {
  return pauseMs === undefined ? c : { ...c, pause: { seconds: Math.floor(pauseMs / 1000), nanos: (pauseMs % 1000) * 1e6 } };
}
