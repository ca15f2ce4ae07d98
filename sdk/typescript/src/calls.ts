// The calls of the host, answered by the plugin.
import {
  Metadata, status, type sendUnaryData, type ServerDuplexStream, type ServerErrorResponse, type ServerUnaryCall, type ServerWritableStream,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

import { Host } from "./host.js";
import { batchFromWire, Collector, fromWire, toWire, Writer } from "./output.js";
import { Failure, permanent, type Kind, type Plugin, type Services, type Sink, type Source, type Split, type Start, type Stream, type Transform } from "./index.js";
import { parse, stringify } from "./json.js";
import { exactly } from "./settings.js";
import { encode, type Message } from "./wire.js";

type Unary = ServerUnaryCall<Message, Message>;
type Reply = sendUnaryData<Message>;
type Stage = Source & Transform & Sink;

// features are announced where the plugin has the method.
const features = { check: "CHECK", open: "OPEN", outStreams: "OUT_STREAMS", finish: "FINISH", planSink: "PLAN_SINK", commit: "COMMIT" } as const;

export class Calls {
  private readonly host = new Host();
  private stage: Stage | undefined;
  private readonly life = new AbortController(); // aborted when the plugin is drained
  private readonly running = new Set<Promise<unknown>>();

  constructor(
    private readonly kind: Kind,
    private readonly plugin: Plugin,
    private readonly make: (config: Buffer) => Source | Transform | Sink,
  ) {}

  // implementations are those of the services, by their names.
  implementations(): Record<string, UntypedServiceImplementation> {
    const kinds: Record<Kind, UntypedServiceImplementation> = {
      source: {
        Streams: this.unary(async () => ({ streams: ((await this.configured().streams?.()) ?? this.plugin.streams ?? []).map(streamToWire) })),
        Plan: (stream: ServerDuplexStream<Message, Message>) => this.plan(stream),
        Read: (call: ServerWritableStream<Message, Message>) => this.read(call),
      },
      transform: {
        OutStreams: this.unary((r) => ({ streams: this.configured().outStreams!(((r["streams"] as Message[]) ?? []).map(streamFromWire)).map(streamToWire) })),
        OpenTransform: this.unary(async (r) => (await this.configured().open!(startFromWire(r["start"] as Message)), {})),
        Transform: this.unary((r, signal) => this.take(r, signal, (batch, out, services) => this.configured().transform(batch, out, services))),
        CommitTransform: this.unary(() => this.commit()),
      },
      sink: {
        PlanSink: this.unary(async (r) => ({ ...(await this.configured().planSink!(((r["streams"] as Message[]) ?? []).map(streamFromWire))) })),
        OpenSink: this.unary(async (r) => (await this.configured().open!(startFromWire(r["start"] as Message)), {})),
        Write: this.unary((r, signal) => this.take(r, signal, (batch, out, services) => this.configured().write(batch, out, services))),
        CommitSink: this.unary(() => this.commit()),
        FinishSink: this.unary(async (r) => (await this.configured().finish!(String(r["run"] ?? ""), Boolean(r["full"])), {})),
      },
    };
    return {
      "scrapekit.plugin.v1.PluginService": {
        Describe: (_: Unary, reply: Reply) => reply(null, this.describe()),
        Host: (stream: ServerDuplexStream<Message, Message>) => this.host.open(stream),
        Configure: this.unary((r) => this.configure(r["config"] as Buffer | undefined)),
        Check: this.unary(async (_, signal) => (await this.configured().check?.(this.services(signal, new Map())), {})),
        Dial: (stream: ServerDuplexStream<Message, Message>) => this.host.carry(stream),
        Drain: (_: Unary, reply: Reply) => void this.drain().then(() => reply(null, {}), (err: unknown) => reply(toStatus(err))),
      },
      [`scrapekit.plugin.v1.${this.kind[0]!.toUpperCase()}${this.kind.slice(1)}Service`]: kinds[this.kind],
      "plugin.GRPCController": {
        Shutdown: (_: Unary, reply: Reply) => {
          reply(null, {});
          setImmediate(() => process.exit(0));
        },
      },
    };
  }

  private describe(): Message {
    const { name, version, doc, config, streams = [], permissions = {}, robots = false, privateDir = false } = this.plugin;
    const configSchema = Buffer.from(JSON.stringify(exactly(config)));
    return { name, version, doc, kind: `KIND_${this.kind.toUpperCase()}`, configSchema, streams: streams.map(streamToWire), permissions, robots, privateDir };
  }

  private configure(config: Buffer = Buffer.alloc(0)): Message {
    if (this.stage) throw permanent("the plugin was configured already");
    const stage = this.make(config) as Stage;
    this.stage = stage;
    const can: string[] = Object.entries(features)
      .filter(([method]) => stage[method as keyof typeof features] && !(this.kind === "sink" && method === "commit"))
      .map(([, feature]) => `FEATURE_${feature}`);
    if (stage.parallel) can.push("FEATURE_PARALLEL_WRITES");
    const guarantee = stage.guarantee && { delivery: `DELIVERY_${stage.guarantee.delivery.toUpperCase()}`, why: stage.guarantee.why };
    return { features: can, ...(guarantee ? { guarantee } : {}) };
  }

  private configured(): Stage {
    if (!this.stage) throw permanent("the plugin has not been configured yet");
    return this.stage;
  }

  private async drain(): Promise<void> {
    const first = !this.life.signal.aborted;
    this.life.abort();
    await Promise.allSettled(this.running);
    if (first) await this.stage?.close?.();
  }

  private async commit(): Promise<Message> {
    const token = await this.configured().commit!();
    if (token === undefined || token === null) throw permanent("commit returned nothing: it must return a JSON value that stands for what was written");
    return { token: Buffer.from(stringify(token)) };
  }

  // take hands a batch to the plugin, and replies with what it makes of it.
  private async take(r: Message, signal: AbortSignal, f: (batch: ReturnType<typeof batchFromWire>, out: Collector, services: Services) => Promise<void>): Promise<Message> {
    const out = new Collector();
    await f(batchFromWire(r["batch"] as Message), out, this.services(signal, out.counts));
    return out.reply();
  }

  private unary(f: (request: Message, signal: AbortSignal) => Message | Promise<Message>) {
    return (call: Unary, reply: Reply): void => {
      const abort = new AbortController();
      const stop = (): void => abort.abort();
      call.on("cancelled", stop);
      this.work(abort, async () => f(call.request, abort.signal)).then((m) => reply(null, m), (err: unknown) => reply(toStatus(err)));
    };
  }

  // work runs f until it ends, and ends it with the plugin.
  private work<T>(abort: AbortController, f: () => Promise<T>): Promise<T> {
    const stop = (): void => abort.abort();
    this.life.signal.addEventListener("abort", stop);
    const work = Promise.resolve()
      .then(() => {
        if (this.life.signal.aborted) throw new Failure("the plugin is being ended", false);
        return f();
      })
      .finally(() => {
        this.life.signal.removeEventListener("abort", stop);
        this.running.delete(work);
      });
    this.running.add(work);
    return work;
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
    call.on("cancelled", () => abort.abort());
    this.work(abort, () => this.readSplit(call, abort.signal)).then(() => void call.end(), (err: unknown) => void call.emit("error", toStatus(err)));
  }

  private async readSplit(call: ServerWritableStream<Message, Message>, signal: AbortSignal): Promise<void> {
    const split = fromWire(call.request["split"] as Message);
    const out = new Writer(call, signal);
    const services = this.services(signal, out.counts, split.id);
    const log: Services["log"] = (message, fields) => services.log(message, { ...fields, stream: split.stream, split: split.id });
    await this.configured().read({ ...services, split, log }, out);
    await out.flush();
  }

  private services(signal: AbortSignal, counts: Map<string, number>, split = ""): Services {
    return {
      signal,
      fetch: (url, init = {}) => this.host.follow({ url, signal, split, ...init }),
      keep: (key, url, init = {}) => this.host.keep(key, { url, signal, split, ...init }),
      dial: (address) => this.host.dial(address, signal),
      log: (message, fields) => this.host.log(message, fields),
      count: (name, n = 1) => void counts.set(name, (counts.get(name) ?? 0) + n),
    };
  }
}

function streamToWire(s: Stream): Message {
  return { ...s, schema: s.schema ? Buffer.from(JSON.stringify(s.schema)) : Buffer.alloc(0) };
}

function streamFromWire(m: Message): Stream {
  const schema = m["schema"] as Buffer | undefined;
  return {
    name: String(m["name"] ?? ""), doc: String(m["doc"] ?? ""), primaryKey: (m["primaryKey"] as string[] | undefined) ?? [],
    cursor: String(m["cursor"] ?? ""), optional: Boolean(m["optional"]), ...(schema?.length ? { schema: JSON.parse(schema.toString()) as object } : {}),
  };
}

function startFromWire(m: Message): Start {
  const raw = m["token"] as Buffer | undefined;
  let token: unknown;
  try {
    token = raw && parse(raw.toString());
  } catch {
    token = null;
  }
  if (raw && token === null) throw permanent("the token is none that commit has returned");
  return {
    run: String(m["run"] ?? ""), resume: Boolean(m["resume"]), full: Boolean(m["full"]), streams: ((m["streams"] as Message[] | undefined) ?? []).map(streamFromWire),
    pipeline: String(m["pipeline"] ?? ""), seat: Number(m["seat"] ?? 0), epoch: Number(m["epoch"] ?? 0), dir: String(m["dir"] ?? ""), ...(raw ? { token } : {}),
  };
}

// longestWait is the longest wait that travels: 100 years, as good as for ever.
const longestWait = 100 * 365 * 24 * 3600 * 1000;

// toStatus is an error with its class, as the host wants to see it.
export function toStatus(err: unknown): ServerErrorResponse {
  const { permanent = false, skip = false, retryAfterMs: asked = 0 } = err instanceof Failure ? err : {};
  const retryAfterMs = Math.min(asked, longestWait);
  const said = err instanceof Error ? err.message : String(err);
  const message = said.length > 8000 ? `${said.slice(0, 8000)}…` : said; // the host knows half a secret by what follows it
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
