// The calls of the host, answered by the source.
import {
  Metadata, status, type sendUnaryData, type ServerDuplexStream, type ServerErrorResponse, type ServerUnaryCall, type ServerWritableStream,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

import { Fetched, Host } from "./host.js";
import { fromWire, toWire, Writer } from "./output.js";
import { exactly } from "./settings.js";
import { Failure, permanent, type Plugin, type Reading, type Source, type Split, type Stream } from "./scrapekit.js";
import { encode, type Message } from "./wire.js";

type Unary = ServerUnaryCall<Message, Message>;
type Reply = sendUnaryData<Message>;

export class Calls {
  private readonly host = new Host();
  private source: Source | undefined;
  private readonly life = new AbortController(); // aborted when the plugin is drained
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly plugin: Omit<Plugin<never>, "open"> & object,
    private readonly make: (config: Buffer) => Source,
  ) {}

  // implementations are those of the services, by their names.
  implementations(): Record<string, UntypedServiceImplementation> {
    return {
      "scrapekit.plugin.v1.PluginService": {
        Describe: (_: Unary, reply: Reply) => reply(null, this.describe()),
        Host: (stream: ServerDuplexStream<Message, Message>) => this.host.open(stream),
        Configure: this.unary((call) => this.configure(call.request["config"] as Buffer | undefined)),
        Check: this.unary(async () => (await this.configured().check?.(this.fetching(this.life.signal)), {})),
        Drain: this.unary(async () => (this.life.abort(), await Promise.allSettled(this.running), {})),
      },
      "scrapekit.plugin.v1.SourceService": {
        Streams: this.unary(() => ({ streams: this.plugin.streams.map(streamToWire) })),
        Plan: (stream: ServerDuplexStream<Message, Message>) => this.plan(stream),
        Read: (call: ServerWritableStream<Message, Message>) => this.read(call),
      },
      "plugin.GRPCController": {
        Shutdown: (_: Unary, reply: Reply) => {
          reply(null, {});
          setImmediate(() => process.exit(0));
        },
      },
    };
  }

  private describe(): Message {
    const { name, version, doc, config, streams, permissions = {} } = this.plugin;
    return { name, version, doc, kind: "KIND_SOURCE", configSchema: Buffer.from(JSON.stringify(exactly(config))), streams: streams.map(streamToWire), permissions };
  }

  private configure(config: Buffer = Buffer.alloc(0)): Message {
    if (this.source) throw permanent("the plugin was configured already");
    this.source = this.make(config);
    return { features: this.source.check ? ["FEATURE_CHECK"] : [] };
  }

  private configured(): Source {
    if (!this.source) throw permanent("the plugin has not been configured yet");
    return this.source;
  }

  private unary(f: (call: Unary) => Message | Promise<Message>) {
    return (call: Unary, reply: Reply): void => {
      Promise.resolve()
        .then(() => f(call))
        .then((m) => reply(null, m), (err: unknown) => reply(toStatus(err)));
    };
  }

  // plan answers when the host has said all: the streams first, then what earlier runs finished.
  private plan(stream: ServerDuplexStream<Message, Message>): void {
    let streams: string[] | undefined;
    const previous: Split[] = [];
    stream.on("data", (m: Message) => {
      streams ??= (m["streams"] as string[] | undefined) ?? [];
      for (const split of (m["previous"] as Message[] | undefined) ?? []) previous.push(fromWire(split));
    });
    stream.on("end", () => {
      Promise.resolve()
        .then(() => this.configured().plan({ streams: streams ?? [], previous }))
        .then((splits) => {
          for (let i = 0; i < splits.length; i += 1000) stream.write({ splits: splits.slice(i, i + 1000).map(toWire) });
          stream.end();
        })
        .catch((err: unknown) => stream.emit("error", toStatus(err)));
    });
  }

  private read(call: ServerWritableStream<Message, Message>): void {
    const abort = new AbortController();
    const stop = (): void => abort.abort();
    call.on("cancelled", stop);
    this.life.signal.addEventListener("abort", stop);
    const work = this.readSplit(call, abort.signal)
      .then(() => void call.end(), (err: unknown) => void call.emit("error", toStatus(err)))
      .finally(() => {
        this.life.signal.removeEventListener("abort", stop);
        this.running.delete(work);
      });
    this.running.add(work);
  }

  private async readSplit(call: ServerWritableStream<Message, Message>, signal: AbortSignal): Promise<void> {
    if (this.life.signal.aborted) throw new Failure("the plugin is being ended", false);
    const split = fromWire(call.request["split"] as Message);
    const out = new Writer(call, signal);
    const log: Reading["log"] = (message, fields) => this.host.log(message, { ...fields, stream: split.stream, split: split.id });
    await this.configured().read({ split, signal, log, fetch: this.fetching(signal, split.id) }, out);
    await out.flush();
  }

  private fetching(signal: AbortSignal, split = ""): Reading["fetch"] {
    return (url, init = {}) => this.host.fetch({ url, signal, split, ...init });
  }
}

function streamToWire(s: Stream): Message {
  return { ...s, schema: s.schema ? Buffer.from(JSON.stringify(s.schema)) : Buffer.alloc(0) };
}

// toStatus is an error with its class, as the host wants to see it.
function toStatus(err: unknown): ServerErrorResponse {
  const { permanent = false, retryAfterMs = 0, skip = false } = err instanceof Failure ? err : {};
  const message = (err instanceof Error ? err.message : String(err)).slice(0, 8000);
  const value = encode("scrapekit.plugin.v1.ErrorInfo", {
    permanent,
    skip,
    ...(retryAfterMs > 0 ? { retryAfter: { seconds: Math.floor(retryAfterMs / 1000), nanos: Math.round((retryAfterMs % 1000) * 1e6) } } : {}),
  });
  const details = [{ type_url: "type.googleapis.com/scrapekit.plugin.v1.ErrorInfo", value }];
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", encode("google.rpc.Status", { code: status.UNKNOWN, message, details }));
  return Object.assign(new Error(message), { code: status.UNKNOWN, details: message, metadata });
}

export type { Fetched };
