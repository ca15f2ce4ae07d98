// Makes src/protocol.json of scrapekit's proto files, and of the one service of go-plugin that a host calls. The folder with the files
// is the argument; without one it is that of the checkout that this is in.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";

const folder = process.argv[2] ?? join(import.meta.dirname ?? ".", "../../proto");
const root = new protobuf.Root();
root.resolvePath = (_, target) => (target.startsWith("google/") ? null : join(folder, target));
for (const common of ["google/protobuf/duration.proto", "google/protobuf/timestamp.proto", "google/protobuf/any.proto"]) {
  root.addJSON(protobuf.common.get(common).nested);
}
const files = readdirSync(join(folder, "scrapekit/plugin/v1")).filter((f) => f.endsWith(".proto")).sort();
for (const file of files) {
  protobuf.parse(readFileSync(join(folder, "scrapekit/plugin/v1", file), "utf8"), root, { keepCase: false });
}
protobuf.parse('syntax = "proto3"; package plugin; message Empty {} service GRPCController { rpc Shutdown(Empty) returns (Empty); }', root);
protobuf.parse('syntax = "proto3"; package google.rpc; message Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }', root);
root.resolveAll();
writeFileSync(process.argv[3] ?? join(import.meta.dirname ?? ".", "src/protocol.json"), JSON.stringify(root.toJSON({ keepComments: false }), null, 1) + "\n");
