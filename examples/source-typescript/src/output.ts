// The output of one Read: records packed into batches, with the pace of whoever takes them.
import { once } from "node:events";
import type { ServerWritableStream } from "@grpc/grpc-js";

import { Failure, type Output, type Split } from "./scrapekit.js";
import type { Message } from "./wire.js";

// batchTarget is the size in bytes at which a batch is sent.
const batchTarget = 256 << 10;
// maxRecord is the longest record in bytes that may travel.
const maxRecord = 64 << 20;

interface Batch {
  stream: string;
  op: string;
  lines: Buffer[];
  size: number;
}

export class Writer implements Output {
  private readonly open = new Map<string, Batch>();
  private counts = new Map<string, number>();

  constructor(
    private readonly call: ServerWritableStream<Message, Message>,
    private readonly signal: AbortSignal,
  ) {}

  emit(stream: string, record: object): Promise<void> {
    return this.add(stream, "OP_UPSERT", record);
  }

  remove(stream: string, key: object): Promise<void> {
    return this.add(stream, "OP_DELETE", key);
  }

  async cursor(at: unknown): Promise<void> {
    await this.flush();
    await this.send({ cursor: Buffer.from(JSON.stringify(at)) });
  }

  split(split: Split): Promise<void> {
    return this.send({ split: toWire(split) });
  }

  reject(stream: string, record: string, reason: string): Promise<void> {
    return this.send({ reject: { stream, record: Buffer.from(record), reason } });
  }

  count(name: string, n: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + n);
  }

  // flush sends the batches that are not full.
  async flush(): Promise<void> {
    for (const batch of this.open.values()) await this.sendBatch(batch);
    this.open.clear();
    if (this.counts.size > 0) await this.send({});
  }

  private async add(stream: string, op: string, record: object): Promise<void> {
    const line = Buffer.from(JSON.stringify(record) + "\n");
    if (line.length > maxRecord) {
      await this.reject(stream, line.subarray(0, 1000).toString(), "record too long");
      return;
    }
    let batch = this.open.get(stream);
    if (batch && batch.op !== op) {
      await this.sendBatch(batch); // an upsert and a deletion of one key keep their order
      batch = undefined;
    }
    if (!batch) {
      batch = { stream, op, lines: [], size: 0 };
      this.open.set(stream, batch);
    }
    batch.lines.push(line);
    batch.size += line.length;
    if (batch.size < batchTarget) return;
    this.open.delete(stream);
    await this.sendBatch(batch);
  }

  private sendBatch({ stream, op, lines }: Batch): Promise<void> {
    return this.send({ batch: { stream, op, count: lines.length, payload: Buffer.concat(lines) } });
  }

  private async send(event: Message): Promise<void> {
    if (this.signal.aborted) throw new Failure("nobody waits for it any more", false);
    const counters = [...this.counts].map(([name, n]) => ({ name, n }));
    this.counts = new Map();
    if (!this.call.write({ ...event, counters })) await once(this.call, "drain", { signal: this.signal });
  }
}

// toWire is a split as the protocol has it.
export function toWire(s: Split): Message {
  const data = s.data === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(s.data));
  return { id: s.id, stream: s.stream, data, estimate: s.estimate ?? 0 };
}

// fromWire is its inverse.
export function fromWire(m: Message): Split {
  const split: Split = { id: String(m["id"] ?? ""), stream: String(m["stream"] ?? "") };
  const data = m["data"] as Buffer | undefined;
  if (data?.length) split.data = JSON.parse(data.toString());
  const cursor = m["cursor"] as Buffer | undefined;
  if (cursor) split.cursor = JSON.parse(cursor.toString());
  return split;
}
