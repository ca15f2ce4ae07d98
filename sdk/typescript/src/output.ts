// What a stage makes: records packed into batches, with the pace of whoever takes them.
import { once } from "node:events";
import { inspect } from "node:util";
import type { ServerWritableStream } from "@grpc/grpc-js";

import { Failure, Reject, type Batch, type Output, type SourceOutput, type Split } from "./index.js";
import { parse, stringify } from "./json.js";
import type { Message } from "./wire.js";

// batchTarget is the size in bytes at which a batch is sent.
const batchTarget = 256 << 10;
// maxRecord is the longest record in bytes that may travel.
const maxRecord = 64 << 20;

interface Open {
  stream: string;
  op: string;
  lines: Buffer[];
  size: number;
}

// Packer packs records into batches, and hands them and all else on by send.
abstract class Packer implements Output {
  private readonly open = new Map<string, Open>();
  readonly counts = new Map<string, number>();

  // send takes an event: a batch, a reject, a cursor, a split, or none, with the counts since the last one.
  protected abstract send(event: Message, counters: Message[]): Promise<void>;

  emit(stream: string, record: object): Promise<void> {
    return this.add(stream, "OP_UPSERT", record);
  }

  remove(stream: string, key: object): Promise<void> {
    return this.add(stream, "OP_DELETE", key);
  }

  reject(stream: string, record: string | Buffer, reason: string): Promise<void> {
    return this.event({ reject: { stream, record: Buffer.from(record), reason } });
  }

  // flush sends the batches that are not full.
  async flush(): Promise<void> {
    for (const batch of this.open.values()) await this.sendBatch(batch);
    this.open.clear();
    if (this.counts.size > 0) await this.event({});
  }

  protected event(event: Message): Promise<void> {
    const counters = [...this.counts].map(([name, n]) => ({ name, n }));
    this.counts.clear();
    return this.send(event, counters);
  }

  private async add(stream: string, op: string, record: object): Promise<void> {
    let text: Buffer;
    try {
      text = textOf(record);
    } catch (err) {
      await this.unwritable(stream, record, err as Reject);
      return;
    }
    const line = Buffer.concat([text, Buffer.from("\n")]);
    let batch = this.open.get(stream);
    if (batch && (batch.op !== op || batch.size + line.length > batchTarget)) {
      await this.sendBatch(batch); // an upsert and a deletion of one key keep their order
      batch = undefined;
    }
    if (!batch) {
      batch = { stream, op, lines: [], size: 0 };
      this.open.set(stream, batch);
    }
    batch.lines.push(line);
    batch.size += line.length;
  }

  // unwritable takes a record that cannot be written. Only the transform knows which record it was made of, and refuses that one.
  protected unwritable(_stream: string, _record: object, why: Reject): Promise<void> {
    throw why;
  }

  private sendBatch({ stream, op, lines }: Open): Promise<void> {
    return this.event({ batch: { stream, op, count: lines.length, payload: Buffer.concat(lines) } });
  }
}

// textOf is a record as JSON on one line, or throws a Reject. A Buffer is JSON already, and is taken as it is if it is one line.
export function textOf(record: unknown): Buffer {
  let text: Buffer;
  try {
    const isBuffer = Buffer.isBuffer(record);
    text = isBuffer && !record.includes("\n") && !record.includes("\r") ? record : Buffer.from(stringify(isBuffer ? parse(record.toString()) : record));
  } catch (err) {
    throw new Reject(`no JSON: ${String(err)}`);
  }
  if (text.length >= maxRecord) throw new Reject(`record too long: ${text.length} bytes, the limit is ${maxRecord}`);
  return text;
}

// Writer is the output of one Read.
export class Writer extends Packer implements SourceOutput {
  constructor(
    private readonly call: ServerWritableStream<Message, Message>,
    private readonly signal: AbortSignal,
  ) {
    super();
  }

  protected override unwritable(stream: string, record: object, why: Reject): Promise<void> {
    const text = Buffer.isBuffer(record) ? record : Buffer.from(inspect(record));
    return this.reject(stream, text.subarray(0, 64 << 10), why.message);
  }

  async cursor(at: unknown): Promise<void> {
    await this.flush();
    await this.event({ cursor: Buffer.from(stringify(at)) });
  }

  split(split: Split): Promise<void> {
    return this.event({ split: toWire(split) });
  }

  protected async send(event: Message, counters: Message[]): Promise<void> {
    if (this.signal.aborted) throw new Failure("nobody waits for it any more", false);
    if (!this.call.write({ ...event, counters })) await once(this.call, "drain", { signal: this.signal });
  }
}

// Collector is the output of one call of a transform or sink, which becomes its reply.
export class Collector extends Packer {
  private readonly made: Message = { batches: [], rejects: [], counters: [] };

  protected async send(event: Message, counters: Message[]): Promise<void> {
    if (event["batch"]) this.made["batches"].push(event["batch"]);
    if (event["reject"]) this.made["rejects"].push(event["reject"]);
    this.made["counters"].push(...counters);
  }

  async reply(): Promise<Message> {
    await this.flush();
    return this.made;
  }
}

// batchFromWire is a batch as a stage takes it.
export function batchFromWire(m: Message): Batch {
  const payload = (m["payload"] as Buffer | undefined) ?? Buffer.alloc(0);
  const lines: Buffer[] = [];
  for (let at = 0, end; (end = payload.indexOf("\n", at)) >= 0; at = end + 1) lines.push(payload.subarray(at, end));
  return { stream: String(m["stream"] ?? ""), op: m["op"] === "OP_DELETE" ? "delete" : "upsert", lines };
}

// toWire is a split as the protocol has it.
export function toWire(s: Split): Message {
  const data = s.data === undefined ? Buffer.alloc(0) : Buffer.from(stringify(s.data));
  return { id: s.id, stream: s.stream, data, estimate: s.estimate ?? 0 };
}

// fromWire is its inverse.
export function fromWire(m: Message): Split {
  const split: Split = { id: String(m["id"] ?? ""), stream: String(m["stream"] ?? "") };
  const data = m["data"] as Buffer | undefined;
  if (data?.length) split.data = parse(data.toString());
  const cursor = m["cursor"] as Buffer | undefined;
  if (cursor) split.cursor = parse(cursor.toString());
  return split;
}
