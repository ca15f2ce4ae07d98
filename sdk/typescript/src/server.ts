// The server on a unix socket.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Server, ServerCredentials } from "@grpc/grpc-js";

import type { Calls } from "./calls.js";
import { service } from "./wire.js";

// maxMessage is the longest message in bytes, in both directions.
const maxMessage = 80 << 20;

// startServer serves the calls on a socket in a folder, and returns the socket's path.
export function startServer(calls: Calls, folder: string): Promise<string> {
  const server = new Server({
    "grpc.max_receive_message_length": maxMessage,
    "grpc.max_send_message_length": maxMessage,
  });
  for (const [name, implementation] of Object.entries(calls.implementations())) {
    server.addService(service(name), implementation);
  }
  const socket = join(folder, `plugin${randomBytes(4).toString("hex")}`);
  return new Promise((done, fail) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (err) => (err ? fail(err) : done(socket)));
  });
}
