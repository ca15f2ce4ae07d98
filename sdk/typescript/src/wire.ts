// The wire: the protocol's messages as plain objects, and its services for gRPC.
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import protobuf from "protobufjs/light.js";

import protocol from "./protocol.json";

const root = protobuf.Root.fromJSON(protocol as unknown as protobuf.INamespace);

// Message is a message of the protocol as a plain object: names in camel case, bytes as Buffer, numbers as number.
export type Message = Record<string, any>;

export function encode(type: string, message: Message): Buffer {
  return encodeAs(root.lookupType(type), message);
}

function encodeAs(type: protobuf.Type, message: Message): Buffer {
  return type.encode(type.fromObject(message)).finish() as Buffer;
}

function decodeAs(type: protobuf.Type, raw: Buffer): Message {
  return type.toObject(type.decode(raw), { longs: Number, enums: String, bytes: Buffer, arrays: true, oneofs: true });
}

// service describes a service of the protocol to gRPC.
export function service(name: string): ServiceDefinition {
  const found = root.lookupService(name);
  const methods: Record<string, MethodDefinition<Message, Message>> = {};
  for (const m of found.methodsArray) {
    const [asked, told] = [found.lookupType(m.requestType), found.lookupType(m.responseType)];
    methods[m.name] = {
      path: `/${found.fullName.slice(1)}/${m.name}`,
      requestStream: m.requestStream ?? false,
      responseStream: m.responseStream ?? false,
      requestSerialize: (v) => encodeAs(asked, v),
      requestDeserialize: (raw) => decodeAs(asked, raw),
      responseSerialize: (v) => encodeAs(told, v),
      responseDeserialize: (raw) => decodeAs(told, raw),
    };
  }
  return methods;
}
