// Pieces of the SDK, tested by themselves.
import assert from "node:assert/strict";
import protobuf from "protobufjs/light.js";

import { toStatus } from "../../../../sdk/typescript/src/calls.js";
import { Fetched } from "../../../../sdk/typescript/src/host.js";
import protocol from "../../../../sdk/typescript/src/protocol.json";

const root = protobuf.Root.fromJSON(protocol as never);
const decode = (type: string, raw: Uint8Array): any => root.lookupType(type).decode(raw);

// A long Retry-After travels.
for (const seconds of ["9".repeat(20), "9".repeat(400)]) {
  const reply = new Fetched("http://host.example/", 429, new Map([["retry-after", seconds]]) as never, Buffer.alloc(0));
  const status = decode("google.rpc.Status", toStatus(reply.error()).metadata!.get("grpc-status-details-bin")[0] as Buffer);
  const info = decode("scrapekit.plugin.v1.ErrorInfo", status.details[0].value);
  assert.ok(Number(info.retryAfter.seconds) > 99 * 365 * 24 * 3600, JSON.stringify(info));
}
