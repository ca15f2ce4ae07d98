// What a source written in TypeScript needs of scrapekit's protocol. serve is the program's main; see main.ts for its use.
// The protocol is in proto/scrapekit/plugin/v1; comments there say what each message means.
import type { Metadata } from "@grpc/grpc-js";

import { Calls, type Fetched } from "./calls.js";
import { startServer } from "./server.js";
import { checkSettings, type SettingsSchema } from "./settings.js";

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

// Reading is one split that is read.
export interface Reading {
  split: Split;
  // fetch asks the host to make a request: it adds the credentials, keeps the limits and tries again. The promise is rejected with
  // an error that may be thrown on as it is.
  fetch(url: string, init?: { method?: string; headers?: Record<string, string>; body?: string }): Promise<Fetched>;
  signal: AbortSignal; // aborted when nobody waits for the split any more
  log(message: string, fields?: Record<string, string>): void;
}

// Output takes what is read. What lies between two cursors is delivered whole or not at all.
export interface Output {
  emit(stream: string, record: object): Promise<void>;
  remove(stream: string, key: object): Promise<void>;
  cursor(at: unknown): Promise<void>;
  split(split: Split): Promise<void>;
  reject(stream: string, record: string, reason: string): Promise<void>;
  count(name: string, n: number): void;
}

// Source is what is written. Several splits are read at the same time.
export interface Source {
  plan(plan: Plan): Split[] | Promise<Split[]>;
  read(reading: Reading, out: Output): Promise<void>;
  check?(fetch: Reading["fetch"]): Promise<void>;
}

// Plugin is a source as a plugin.
export interface Plugin<Settings> {
  name: string;
  version: string;
  doc: string;
  streams: Stream[];
  config: SettingsSchema;
  permissions?: { http?: string[]; fsRead?: string[]; fsWrite?: string[]; dial?: string[] };
  open(settings: Settings): Source;
}

// Failure is an error with a class. Any other is temporary: the split is read again, from its last cursor.
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

// permanent makes an error that trying again will not mend.
export const permanent = (message: string): Failure => new Failure(message, true);

// protocolVersion is the version of the protocol that this file speaks.
const protocolVersion = 1;

// serve is the main of a plugin. Started by a host it serves the plugin; by hand, it says what it is.
export function serve<Settings>(plugin: Plugin<Settings>): void {
  if (process.env["SCRAPEKIT_PLUGIN"] !== "started-by-the-host") {
    byHand(plugin);
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

  const calls = new Calls(plugin, (raw) => plugin.open(checkSettings(plugin.config, raw) as Settings));
  void startServer(calls, process.env["PLUGIN_UNIX_SOCKET_DIR"] ?? "/tmp").then((socket) => {
    process.stdout.write(`1|${protocolVersion}|unix|${socket}|grpc\n`);
  });
}

function byHand<Settings>(plugin: Plugin<Settings>): void {
  if (process.argv.includes("--describe")) {
    const { name, version, doc, config, streams, permissions } = plugin;
    const listed = streams.map(({ primaryKey, ...s }) => ({ ...s, primary_key: primaryKey }));
    const needs = permissions && { http: permissions.http, fs_read: permissions.fsRead, fs_write: permissions.fsWrite, dial: permissions.dial };
    console.log(JSON.stringify({ name, version, kind: "source", doc, config, streams: listed, permissions: needs }, null, 2));
    return;
  }
  console.error(`${plugin.name} ${plugin.version} is a source plugin of scrapekit. It is not run by hand: name this file in a pipeline file,`);
  console.error(`\n    source "./path/to/this/file" {\n      # settings\n    }\n\nand start the pipeline with \`scrapekit run FILE\`.\n\n${plugin.doc}`);
  process.exitCode = 2;
}

export type { Fetched, Metadata };
