// The host's services over the reverse stream: the plugin asks with an id of its own, the host answers with that id.
import { Duplex } from "node:stream";
import { Metadata, type ServerDuplexStream } from "@grpc/grpc-js";

import { Failure, permanent, type Init, type KeptFile, type ReplyClass } from "./index.js";
import { parse } from "./json.js";
import type { Message } from "./wire.js";

// Fetched is a reply, whole.
export class Fetched {
  constructor(
    readonly url: string,
    readonly status: number,
    readonly headers: Map<string, string>,
    readonly body: Buffer,
    readonly kept?: KeptFile,
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

interface Order {
  url: string;
  head?: Message;
  chunks: Buffer[];
  done(reply: Fetched): void;
  fail(err: Error): void;
}

// Request is what the host is asked for.
export interface Request extends Init {
  url: string;
  split?: string;
  signal: AbortSignal;
  key?: string; // the body is to be kept under it
}

interface Dialing {
  done(conn: Duplex): void;
  fail(err: Error): void;
}

const maxRedirects = 10;

// Host is the plugin's end of the stream.
export class Host {
  private stream: ServerDuplexStream<Message, Message> | undefined;
  private readonly orders = new Map<number, Order>();
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

  async keep(key: string, r: Request): Promise<KeptFile> {
    const reply = await this.follow({ ...r, key });
    if (reply.kept) return reply.kept;
    throw reply.error() ?? permanent(`${r.url}: ${reply.status}: no file came`);
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
    const id = ++this.last;
    return new Promise((done, fail) => {
      const give = (end: () => void): void => {
        this.orders.delete(id);
        r.signal.removeEventListener("abort", abort);
        end();
      };
      const abort = (): void => give(() => {
        this.stream?.write({ id, fetchCancel: {} });
        fail(new Failure("nobody waits for it any more", false));
      });
      if (r.signal.aborted) {
        fail(new Failure("nobody waits for it any more", false));
        return;
      }
      r.signal.addEventListener("abort", abort);
      this.orders.set(id, { url: r.url, chunks: [], done: (reply) => give(() => done(reply)), fail: (err) => give(() => fail(err)) });
      const headers = Object.entries(r.headers ?? {}).map(([name, value]) => ({ name, value }));
      const body = r.body === undefined ? Buffer.alloc(0) : Buffer.from(r.body);
      const { method = "GET", url, split = "", idempotent = false, classes = [] } = r;
      const fetch = { method, url, headers, body, bodyInHead: true, split, idempotent, classes: classes.map(classToWire) };
      this.stream?.write({ id, fetch: r.key === undefined ? fetch : { ...fetch, keep: { key: r.key } } });
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
    const order = this.orders.get(m["id"] as number);
    if (!order) return; // it was given up
    switch (m["message"]) {
      case "fetchHead":
        order.head = m["fetchHead"] as Message;
        this.body(order, order.head["body"] as Buffer | undefined, order.head["last"] as boolean);
        break;
      case "fetchChunk": {
        const chunk = m["fetchChunk"] as Message;
        const data = chunk["data"] as Buffer | undefined;
        if (!chunk["last"] && data) this.stream?.write({ id: m["id"], fetchWindow: { bytes: data.length } });
        this.body(order, data, chunk["last"] as boolean);
        break;
      }
      case "fetchError": {
        const e = m["fetchError"] as Message;
        const wait = e["retryAfter"] as Message | undefined;
        const ms = wait ? Number(wait["seconds"] ?? 0) * 1000 + Number(wait["nanos"] ?? 0) / 1e6 : 0;
        order.fail(new Failure(String(e["message"] ?? ""), Boolean(e["permanent"]), ms, Boolean(e["robots"])));
      }
    }
  }

  private body(order: Order, data: Buffer | undefined, last: boolean): void {
    if (data?.length) order.chunks.push(data);
    if (!last) return;
    const head = order.head ?? {};
    const headers = new Map<string, string>();
    for (const h of (head["headers"] as Message[] | undefined) ?? []) headers.set(String(h["name"]).toLowerCase(), String(h["value"] ?? ""));
    const kept = head["kept"] as Message | undefined;
    const file = kept && { path: String(kept["path"] ?? ""), sha256: String(kept["sha256"] ?? ""), size: Number(kept["size"] ?? 0) };
    order.done(new Fetched(order.url, Number(head["status"] ?? 0), headers, Buffer.concat(order.chunks), file));
  }
}

function classToWire({ pauseMs, ...c }: ReplyClass): Message {
  return pauseMs === undefined ? c : { ...c, pause: { seconds: Math.floor(pauseMs / 1000), nanos: (pauseMs % 1000) * 1e6 } };
}
