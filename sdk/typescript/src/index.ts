// Plugins for scrapekit: sources, transforms and sinks. serve is the program's main.
// The protocol is in proto/scrapekit/plugin/v1; comments there say what each message means.
import type { Duplex } from "node:stream";

import { Calls } from "./calls.js";
import type { Fetched } from "./host.js";
import { ExactNumber, parse, stringify } from "./json.js";
import { textOf } from "./output.js";
import { startServer } from "./server.js";
import { checkSettings, exactly, type SettingsSchema } from "./settings.js";

// Stream is a named kind of record.
export interface Stream {
  name: string;
  doc?: string;
  schema?: object; // JSON Schema of a record
  primaryKey?: string[]; // of a record; none: append only
  cursor?: string; // the field that incremental runs go by
  optional?: boolean; // read only where it is selected
}

// Split is a part of the work that can be read alone. Its id is the same in every run.
export interface Split {
  id: string;
  stream: string;
  data?: unknown; // the source's own description of the part
  cursor?: unknown; // where to go on; the host sets it
  estimate?: number; // records expected
}

// Plan is what a run is planned from.
export interface Plan {
  streams: string[]; // the selected ones
  previous: Split[]; // what earlier runs finished, with the last cursors
}

// ReplyClass is what the plugin knows of replies to a request: one that fits is asked for again, is final, or says that the far end is
// asked too often. Make one by temporary, final or throttled.
export interface ReplyClass {
  status?: number;
  text?: string; // in the first 64 KiB of the body
  header?: string; // "Name" or "Name: value"
  temporary?: boolean;
  throttled?: boolean;
  seconds?: string; // path in the JSON body to the seconds to wait, "errors.0.extensions.retry_in_seconds"
  pauseMs?: number; // the first pause where the reply says none
  good?: boolean; // the reply is handed on; what it says is for the next requests
}

// temporary: replies of this status, with this text in the body, are asked for again.
export const temporary = (status: number, text = ""): ReplyClass => ({ status, text, temporary: true });

// final: such replies are handed on as they are, though their status says that asking again may help.
export const final = (status: number, text = ""): ReplyClass => ({ status, text });

// throttled: such replies refuse because the far end is asked too often. The host pauses all requests to it.
export const throttled = (fits: Omit<ReplyClass, "temporary" | "throttled">): ReplyClass => ({ ...fits, throttled: true });

// Init is what a request is besides its URL.
export interface Init {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  idempotent?: boolean; // it only reads and may be sent twice, though its method does not say so: a POST of a source must have it
  classes?: ReplyClass[];
  redirects?: number; // how many to follow; default 10
}

// FileInit is what is known of a file besides its URL.
export interface FileInit extends Pick<Init, "headers" | "classes"> {
  size?: number; // in bytes: a body of another length is not the file
  type?: string; // its media type: a page of HTML is not the file if this is another type
}

// KeptFile is a file in the pipeline's folder of files.
export interface KeptFile {
  path: string; // within that folder
  sha256: string;
  size: number;
}

// Services are what the host does for the plugin. An error of theirs may be thrown on as it is.
export interface Services {
  // fetch has the host make a request: it adds the credentials, keeps the limits and tries again. Redirects are followed.
  fetch(url: string, init?: Init): Promise<Fetched>;
  // keep has the host keep the body of a reply to a GET. key names it for good: what was kept under it is not asked for again. It
  // throws a NotKept if there is no such file.
  keep(key: string, url: string, init?: FileInit): Promise<KeptFile>;
  // dial opens a TCP connection to "host:port", if the pipeline file grants the address.
  dial(address: string): Promise<Duplex>;
  log(message: string, fields?: Record<string, string>): void;
  count(name: string, n?: number): void; // to a counter of the report
  signal: AbortSignal; // aborted when nobody waits for the call any more
}

// Reading is one split that is read.
export interface Reading extends Services {
  split: Split;
}

// Output takes what a stage makes. A record is an object, or a Buffer with its JSON. One that cannot be written becomes a dead letter in
// a source; in a transform emit throws a Reject, for only the transform knows which record it was made of.
export interface Output {
  emit(stream: string, record: object): Promise<void>;
  remove(stream: string, key: object): Promise<void>;
  reject(stream: string, record: string | Buffer, reason: string): Promise<void>; // in a transform or sink: the line as it came
}

// SourceOutput also takes cursors: what lies between two is delivered whole or not at all.
export interface SourceOutput extends Output {
  cursor(at: unknown): Promise<void>;
  split(split: Split): Promise<void>; // one whose id is known already is dropped
}

// Batch is some records of one stream. op "delete": each holds the fields of a primary key.
export interface Batch {
  stream: string;
  op: "upsert" | "delete";
  lines: Buffer[]; // each the JSON of a record
}

// Start is what a run begins with, for a sink or a transform with state.
export interface Start {
  run: string;
  token?: unknown; // of the last commit, as commit returned it
  resume: boolean; // this very run made the token
  full: boolean; // the run starts over: discard what the token stands for
  streams: Stream[];
  pipeline: string; // identifies the pipeline for good
  seat: number;
  epoch: number; // refuse what carries a lower one of this seat
  dir: string; // a private folder that lasts between runs, where privateDir is set
}

interface Stage {
  check?(services: Services): Promise<void>; // tries the settings against the real system
  close?(): Promise<void>;
}

// Source reads streams. Several splits are read at the same time.
export interface Source extends Stage {
  streams?(): Stream[] | Promise<Stream[]>; // where the settings decide; without it, those of the plugin
  plan(plan: Plan): Split[] | Promise<Split[]>;
  read(reading: Reading, out: SourceOutput): Promise<void>;
}

// Transform changes batches. Calls overlap, unless there is a commit. eachRecord makes a transform of a function.
export interface Transform extends Stage {
  transform(batch: Batch, out: Output, services: Services): Promise<void>;
  open?(start: Start): Promise<void>; // brings the state back to the token
  commit?(): Promise<unknown>; // a token for the state after all batches so far
  outStreams?(streams: Stream[]): Stream[]; // what comes out when these go in
}

// Sink writes batches, one at a time unless parallel is set.
export interface Sink extends Stage {
  parallel?: boolean;
  guarantee?: { delivery: "at_least_once" | "once_per_key" | "exactly_once"; why: string };
  open?(start: Start): Promise<void>; // back to exactly the token: what was written after it is taken back
  // what a run would do, without doing it, and without open: what becomes of each stream, a line each, and the statements that come first
  planSink?(streams: Stream[]): Promise<{ effects?: string[]; statements?: string[] }>;
  write(batch: Batch, out: Pick<Output, "reject">, services: Services): Promise<void>;
  commit(): Promise<unknown>; // all that was written is durable; the token, a JSON value, stands for it
  finish?(run: string, full: boolean): Promise<void>; // a run is complete; it may come again, and must do nothing twice
}

// Plugin is a stage as a plugin.
export interface Plugin {
  name: string;
  version: string;
  doc: string;
  config: SettingsSchema;
  permissions?: { http?: string[]; fsRead?: string[]; fsWrite?: string[]; dial?: string[]; methods?: string[] };
  streams?: Stream[]; // of a source
  robots?: boolean; // a source that goes where links lead it
  privateDir?: boolean;
}

export interface SourcePlugin<Settings> extends Plugin {
  streams: Stream[];
  open(settings: Settings): Source;
}

export interface TransformPlugin<Settings> extends Plugin {
  open(settings: Settings): Transform;
}

export interface SinkPlugin<Settings> extends Plugin {
  open(settings: Settings): Sink;
}

// Failure is an error with a class. Any other is temporary: the host tries again, from the last cursor or token.
export class Failure extends Error {
  constructor(
    message: string,
    readonly permanent: boolean,
    readonly retryAfterMs = 0,
    readonly skip = false, // robots.txt forbids a request, say: a split that fails so is skipped, and nothing is missing for it
  ) {
    super(message);
  }
}

// NotKept is the error of a file that is not there: the reply is another, or too long. A request that fails has its own error instead.
export class NotKept extends Failure {
  constructor(
    message: string,
    readonly status: number, // of the reply; 0: it was too long and not read
    readonly problem: string, // why the body of a 2xx reply is not the file
    readonly tooLong: boolean, // longer than the pipeline file allows
  ) {
    super(message, tooLong || (!problem && ![408, 425, 429].includes(status) && status < 500));
  }
}

// permanent makes an error that trying again will not mend.
export const permanent = (message: string): Failure => new Failure(message, true);

// Reject is thrown for one record that is refused. Reports count by what stands before the first ": ".
export class Reject extends Error {}

// eachRecord makes a transform of a function: it returns the record that takes the place of this one, a list, or null to drop it.
// A whole number beyond 2^53 comes as a BigInt, and another one that a number cannot hold, 1e400, as an ExactNumber: both are written as
// they came.
export function eachRecord(f: (record: any, stream: string, services: Services) => unknown): Transform {
  return {
    async transform(batch, out, services) {
      for (const line of batch.lines) {
        if (batch.op === "delete") {
          await out.remove(batch.stream, line);
          continue;
        }
        try {
          const made = await f(recordOf(line), batch.stream, services);
          const texts = (Array.isArray(made) ? made : made === null ? [] : [made]).map(textOf); // all of them, or none
          for (const text of texts) await out.emit(batch.stream, text);
        } catch (err) {
          if (!(err instanceof Reject)) throw err;
          await out.reject(batch.stream, line, err.message);
        }
      }
    },
  };
}

function recordOf(line: Buffer): unknown {
  try {
    return parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
  } catch (err) {
    throw new Reject(`no JSON: ${String(err)}`);
  }
}

// serve, serveTransform and serveSink are the main of a plugin. Started by a host they serve it; by hand, they say what it is.
export const serve = <S>(plugin: SourcePlugin<S>): void => run("source", plugin);
export const serveTransform = <S>(plugin: TransformPlugin<S>): void => run("transform", plugin);
export const serveSink = <S>(plugin: SinkPlugin<S>): void => run("sink", plugin);

export type Kind = "source" | "transform" | "sink";

// protocolVersion is the version of the protocol that this package speaks.
const protocolVersion = 1;

function run<S>(kind: Kind, plugin: Plugin & { open(settings: S): Source | Transform | Sink }): void {
  if (process.env["SCRAPEKIT_PLUGIN"] !== "started-by-the-host") {
    byHand(kind, plugin);
    return;
  }
  if (process.env["PLUGIN_CLIENT_CERT"]) {
    console.error("this host wants TLS over TCP, which this plugin does not speak: it needs unix sockets");
    process.exit(1);
  }
  // The host ends its plugins: a signal to the whole group is not for them.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => {});
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && process.exit(1), 500).unref();

  const calls = new Calls(kind, plugin, (raw) => plugin.open(checkSettings(plugin.config, raw) as S));
  void startServer(calls, process.env["PLUGIN_UNIX_SOCKET_DIR"] ?? "/tmp").then((socket) => {
    process.stdout.write(`1|${protocolVersion}|unix|${socket}|grpc\n`);
  });
}

function byHand(kind: Kind, plugin: Plugin): void {
  if (process.argv.includes("--describe")) {
    const { name, version, doc, streams, permissions: p, robots, privateDir } = plugin;
    const config = exactly(plugin.config);
    const listed = streams?.map(({ primaryKey, ...s }) => ({ ...s, primary_key: primaryKey }));
    const needs = p && { http: p.http, fs_read: p.fsRead, fs_write: p.fsWrite, dial: p.dial, methods: p.methods };
    console.log(JSON.stringify({ name, version, kind, doc, config, streams: listed, permissions: needs, robots, private_dir: privateDir }, null, 2));
    return;
  }
  console.error(`${plugin.name} ${plugin.version} is a ${kind} plugin of scrapekit. It is not run by hand: name this file in a pipeline file,`);
  console.error(`\n    ${kind} "./path/to/this/file" {\n      # settings\n    }\n\nand start the pipeline with \`scrapekit run FILE\`.\n\n${plugin.doc}`);
  process.exitCode = 2;
}

export { ExactNumber, parse, stringify };
export type { Fetched, SettingsSchema };
