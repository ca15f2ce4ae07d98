// Pieces of the SDK, tested by themselves.
import assert from "node:assert/strict";
import protobuf from "protobufjs/light.js";

import { toStatus } from "../../../../../sdk/typescript/src/calls.js";
import { Fetched } from "../../../../../sdk/typescript/src/host.js";
import { eachRecord, ExactNumber, parse, stringify } from "../../../../../sdk/typescript/src/index.js";
import { Collector, batchFromWire, fromWire } from "../../../../../sdk/typescript/src/output.js";
import { exactly } from "../../../../../sdk/typescript/src/settings.js";
import protocol from "../../../../../sdk/typescript/src/protocol.json";

const root = protobuf.Root.fromJSON(protocol as never);
const decode = (type: string, raw: Uint8Array): any => root.lookupType(type).decode(raw);

// A long Retry-After travels.
for (const seconds of ["9".repeat(20), "9".repeat(400)]) {
  const reply = new Fetched("http://host.example/", 429, new Map([["retry-after", seconds]]) as never, Buffer.alloc(0));
  const status = decode("google.rpc.Status", toStatus(reply.error()).metadata!.get("grpc-status-details-bin")[0] as Buffer);
  const info = decode("scrapekit.plugin.v1.ErrorInfo", status.details[0].value);
  assert.ok(Number(info.retryAfter.seconds) > 99 * 365 * 24 * 3600, JSON.stringify(info));
}

// transform is what becomes of records that a function changes.
async function transform(f: (record: any) => unknown, ...lines: string[]) {
  const out = new Collector();
  const batch = batchFromWire({ stream: "posts", payload: Buffer.from(lines.map((line) => line + "\n").join("")) });
  await eachRecord(f).transform(batch, out, {} as never);
  const { batches, rejects } = await out.reply();
  return {
    lines: batches.map((b: any) => b.payload.toString()).join("").trim().split("\n"),
    rejects: rejects.map((r: any) => ({ record: r.record.toString(), reason: r.reason })),
  };
}

async function numbers(): Promise<void> {
  // Numbers that JavaScript cannot hold are written as they came, however the record is changed beside them.
  const exact = '{"id":9007199254740993,"list":[-12345678901234567890,1e400,-1e-400],"pi":3.14159265358979323846,"text":"9007199254740993 \\\\\\" 1e400"';
  const made = await transform((record) => ({ ...record, new: 1 }), exact + "}");
  assert.deepEqual(made, { lines: [exact + ',"new":1}'], rejects: [] });
  const record = parse(exact + "}");
  assert.equal(record.id, 9007199254740993n);
  assert.equal(record.list[1] * 1, Infinity);
  assert.ok(record.list[1] instanceof ExactNumber && String(record.list[1]) === "1e400");
  assert.equal(typeof parse("[9007199254740991]")[0], "number");
  assert.equal(typeof parse("[100000000000000000000]")[0], "bigint"); // as its neighbours
  for (const same of ["[1.5,0.1,5e-324,-0.000001,1e+30,123456.789]", "[0,-1,1e21]".replace("1e21", "1e+21"), '{"at":"2024-01-01T00:00:00.000Z"}']) {
    assert.equal(stringify(parse(same)), same);
  }
  assert.deepEqual(parse("[1.50,10.0,1E2,0e9,0.10]"), [1.5, 10, 100, 0, 0.1]);
  for (const bad of ["[09007199254740993]", '{"a":1e400', "[1e400,]", "1.e400"]) assert.throws(() => parse(bad), SyntaxError);
  // Cursors and the source's own data hold them too.
  assert.equal(fromWire({ cursor: Buffer.from("9007199254740993") }).cursor, 9007199254740993n);
}

// A record that cannot be written costs itself alone: the one that came is rejected, byte for byte.
async function rejections(): Promise<void> {
  const bad = '{ "n": 2, "text": "\\u00e9" }';
  const loop: any[] = [];
  loop.push(loop);
  for (const made of [loop, { loop }, [{ good: 1 }, { loop }], undefined, Buffer.from("{\n")]) {
    const got = await transform((record) => (record.n === 2 ? made : record), '{"n":1}', bad, '{"n":3}');
    assert.deepEqual(got.lines, ['{"n":1}', '{"n":3}']);
    assert.deepEqual(got.rejects.map((r: any) => r.record), [bad]);
    assert.match(got.rejects[0].reason, /^no JSON: /);
  }
  const long = await transform(() => ({ text: "x".repeat(65 << 20) }), bad);
  assert.deepEqual([long.rejects[0].record, long.rejects[0].reason.split(":")[0]], [bad, "record too long"]);
}

// Whole numbers in settings are bounded at any depth.
const least = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };
assert.deepEqual(
  exactly({
    type: "object", additionalProperties: false,
    properties: {
      ids: { type: "array", items: { type: "integer" } },
      by: { type: "object", additionalProperties: { type: "integer", minimum: 0, maximum: 1e18 } },
      deep: { type: "object", properties: { id: { type: "integer" } } } as never,
      name: { type: "string" },
    },
  }).properties,
  {
    ids: { type: "array", items: { type: "integer", ...least } },
    by: { type: "object", additionalProperties: { type: "integer", ...least, minimum: 0 } },
    deep: { type: "object", properties: { id: { type: "integer", ...least } } },
    name: { type: "string" },
  },
);

void Promise.all([numbers(), rejections()]).catch((err: unknown) => {
  console.error(err);
  process.exitCode = 1;
});
