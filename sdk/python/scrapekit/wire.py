"""The protocol: its messages as classes, its services for gRPC. Both are made of protocol.binpb, which buf makes of the
.proto files, so that they fit whichever version of protobuf is installed."""
import pkgutil

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "scrapekit.plugin.v1."
MAX_MESSAGE = 80 << 20  # bytes of a message, in both directions

_pool = descriptor_pool.DescriptorPool()


def _load():
    files = descriptor_pb2.FileDescriptorSet.FromString(pkgutil.get_data(__package__, "protocol.binpb"))
    # The error model of gRPC, from google/rpc/status.proto, and the service by which go-plugin ends a plugin.
    status = files.file.add(name="google/rpc/status.proto", package="google.rpc", syntax="proto3",
                            dependency=["google/protobuf/any.proto"]).message_type.add(name="Status")
    status.field.add(name="code", number=1, type="TYPE_INT32", label="LABEL_OPTIONAL")
    status.field.add(name="message", number=2, type="TYPE_STRING", label="LABEL_OPTIONAL")
    status.field.add(name="details", number=3, type="TYPE_MESSAGE", type_name=".google.protobuf.Any", label="LABEL_REPEATED")
    controller = files.file.add(name="plugin/grpc_controller.proto", package="plugin", syntax="proto3")
    controller.message_type.add(name="Empty")
    controller.service.add(name="GRPCController").method.add(name="Shutdown", input_type=".plugin.Empty", output_type=".plugin.Empty")
    any_file = descriptor_pb2.FileDescriptorProto(name="google/protobuf/any.proto", package="google.protobuf", syntax="proto3")
    any_type = any_file.message_type.add(name="Any")
    any_type.field.add(name="type_url", number=1, type="TYPE_STRING", label="LABEL_OPTIONAL")
    any_type.field.add(name="value", number=2, type="TYPE_BYTES", label="LABEL_OPTIONAL")
    for file in [any_file, *files.file]:
        _pool.AddSerializedFile(file.SerializeToString())


_load()
_class_of = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(_pool).GetPrototype


class _Messages:
    """The classes of the messages, by name: pb.Batch."""

    def __getattr__(self, name):
        made = _class_of(_pool.FindMessageTypeByName(PACKAGE + name))
        setattr(self, name, made)
        return made


pb = _Messages()
Status = _class_of(_pool.FindMessageTypeByName("google.rpc.Status"))


def handlers(service, implementation):
    """Serves the methods of a service by those of an object. Methods that it has not are not served."""
    methods = {}
    for method in _pool.FindServiceByName(service).methods:
        serve = getattr(implementation, method.name, None)
        if serve is None:
            continue
        asks, answers = _streams(method)
        handler = getattr(grpc, f"{'stream' if asks else 'unary'}_{'stream' if answers else 'unary'}_rpc_method_handler")
        methods[method.name] = handler(serve, _class_of(method.input_type).FromString, lambda m: m.SerializeToString())
    return grpc.method_handlers_generic_handler(service, methods)


def _streams(method):
    proto = descriptor_pb2.MethodDescriptorProto()
    method.CopyToProto(proto)
    return proto.client_streaming, proto.server_streaming
