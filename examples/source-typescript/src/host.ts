// The host's services over the reverse stream: the plugin asks with an id of its own, the host answers with that id.
import { Metadata, type ServerDuplexStream } from "@grpc/grpc-js";

import { Failure } from "./scrapekit.js";
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

  // json returns the body of a reply 2xx. Other replies, and a body that is no JSON, are errors of the right class.
  json<T>(): T {
    const beginning = this.text().slice(0, 200).split(/\s+/).join(" ");
    if (this.status < 200 || this.status > 299) {
      const passes = [408, 425, 429].includes(this.status) || this.status >= 500;
      const wait = Number(this.headers.get("retry-after"));
      const more = [beginning, this.headers.get("scrapekit-gave-up"), this.headers.get("scrapekit-login")].filter(Boolean).join(": ");
      throw new Failure(`${this.url}: ${this.status}: ${more}`, !passes, wait > 0 ? wait * 1000 : 0);
    }
    let value: unknown;
    try {
      value = JSON.parse(this.text());
    } catch (err) {
      throw new Failure(`${this.url}: the reply is not JSON: ${String(err)}: ${beginning}`, false);
    }
    if (typeof value !== "object" || value === null) throw new Failure(`${this.url}: the reply is not what was expected: ${beginning}`, false);
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
export interface Request {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  split?: string;
  signal: AbortSignal;
}

// Host is the plugin's end of the stream.
export class Host {
  private stream: ServerDuplexStream<Message, Message> | undefined;
  private readonly orders = new Map<number, Order>();
  private last = 0;

  // open takes up the stream that the host has opened.
  open(stream: ServerDuplexStream<Message, Message>): void {
    this.stream = stream;
    stream.sendMetadata(new Metadata());
    stream.on("data", (m: Message) => this.take(m));
    stream.on("end", () => stream.end());
    stream.on("error", () => {}); // the connection is gone, and this process soon
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
      this.stream?.write({ id, fetch: { method: r.method ?? "GET", url: r.url, headers, body, bodyInHead: true, split: r.split ?? "" } });
    });
  }

  log(message: string, fields: Record<string, string> = {}): void {
    this.stream?.write({ log: { level: "LEVEL_INFO", message, fields: Object.entries(fields).map(([name, value]) => ({ name, value })) } });
  }

  private take(m: Message): void {
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
    order.done(new Fetched(order.url, Number(head["status"] ?? 0), headers, Buffer.concat(order.chunks)));
  }
}
