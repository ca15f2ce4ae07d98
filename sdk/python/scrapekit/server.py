"""serve is the main of a plugin: it answers the calls of the host."""
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from concurrent import futures

import grpc

from .errors import Failure, Permanent, Skip
from .host import Call, Host
from .plugin import Output, Plan, Sink, Source, Split, Start, Stream, Transform
from .records import Batch
from .settings import decode, schema_of
from .wire import MAX_MESSAGE, PACKAGE, Status, handlers, pb

_KINDS = {Source: "source", Transform: "transform", Sink: "sink"}
# Methods that the host is to call only if the author has written them.
_FEATURES = {"check": "CHECK", "open": "OPEN", "commit": "COMMIT", "out_streams": "OUT_STREAMS", "finish": "FINISH", "plan_sink": "PLAN_SINK"}
_QUEUED = 8  # events of a Read that wait to be sent
_LONGEST_WAIT = 100 * 365 * 24 * 3600  # seconds that travel: as good as for ever
_THREADS = 1024  # a thread for each call under way; they are made when they are needed


def serve(plugin):
    """Serves a class of plugin to the host that started this program. Started by hand, it says what it is."""
    if os.environ.get("SCRAPEKIT_PLUGIN") != "started-by-the-host":
        sys.exit(_by_hand(plugin))
    if os.environ.get("PLUGIN_CLIENT_CERT"):
        sys.exit("this host wants TLS over TCP, which this plugin does not speak: it needs unix sockets")
    # The host ends its plugins: a signal to the whole group is not for them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    options = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=options)
    calls = _Calls(plugin)
    for service in ("PluginService", f"{_kind(plugin).capitalize()}Service"):
        server.add_generic_rpc_handlers((handlers(PACKAGE + service, calls),))
    server.add_generic_rpc_handlers((handlers("plugin.GRPCController", calls),))
    path = os.path.join(os.environ.get("PLUGIN_UNIX_SOCKET_DIR", "/tmp"), f"plugin{os.getpid()}")
    server.add_insecure_port("unix:" + path)
    server.start()
    print(f"1|1|unix|{path}|grpc", flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _kind(plugin):
    return next(name for base, name in _KINDS.items() if issubclass(plugin, base))


def _by_hand(plugin):
    kind = _kind(plugin)
    if "--describe" in sys.argv:
        streams = [
            {k: v for k, v in dict(name=s.name, doc=s.doc, schema=s.schema, primary_key=s.key, cursor=s.cursor, optional=s.optional).items() if v}
            for s in getattr(plugin, "streams", [])]
        about = dict(name=plugin.name, version=plugin.version, kind=kind, doc=plugin.doc, config=schema_of(plugin.settings),
                     streams=streams or None, permissions=plugin.permissions or None, robots=getattr(plugin, "robots", False) or None,
                     private_dir=getattr(plugin, "private_dir", False) or None)
        print(json.dumps({k: v for k, v in about.items() if v is not None}, indent=2))
        return 0
    print(f"{plugin.name} {plugin.version} is a {kind} plugin of scrapekit. It is not run by hand: name this file in a pipeline file,\n\n"
          f'    {kind} "./path/to/this/file" {{\n      # settings\n    }}\n\nand start the pipeline with `scrapekit run FILE`. '
          f"With --describe it prints its description as JSON.\n\n{plugin.doc}", file=sys.stderr)
    return 2


def _overrides(plugin, name):
    base = next(b for b in _KINDS if issubclass(plugin, b))
    return hasattr(base, name) and getattr(plugin, name) is not getattr(base, name)


class _Calls:
    """The calls of the host, answered by a plugin."""

    def __init__(self, cls):
        self._cls, self._plugin, self._host = cls, None, Host()
        self._lock, self._calls, self._draining = threading.Lock(), set(), False

    # PluginService

    def Describe(self, request, context):
        c = self._cls
        return pb.DescribeResponse(
            name=c.name, version=c.version, kind=f"KIND_{_kind(c).upper()}", doc=c.doc, config_schema=json.dumps(schema_of(c.settings)).encode(),
            streams=[s.to_wire() for s in getattr(c, "streams", [])], permissions=pb.Permissions(**c.permissions),
            robots=getattr(c, "robots", False), private_dir=getattr(c, "private_dir", False))

    def Host(self, requests, context):
        yield from self._host.open(requests, context)

    def Configure(self, request, context):
        def configure(_):
            if self._plugin is not None:
                raise Permanent("the plugin was configured already")
            plugin = self._cls()
            plugin.settings = decode(self._cls.settings, request.config)
            plugin.setup()
            self._plugin = plugin
        self._call(context, configure, configured=False)
        features = [f"FEATURE_{f}" for name, f in _FEATURES.items() if _overrides(self._cls, name) and not (issubclass(self._cls, Sink) and name == "commit")]
        if getattr(self._cls, "parallel", False):
            features.append("FEATURE_PARALLEL_WRITES")
        reply = pb.ConfigureResponse(features=features)
        if guarantee := getattr(self._plugin, "guarantee", None):
            reply.guarantee.CopyFrom(pb.Guarantee(delivery=f"DELIVERY_{guarantee[0].upper()}", why=guarantee[1]))
        return reply

    def Check(self, request, context):
        self._call(context, lambda _: self._plugin.check())
        return pb.CheckResponse()

    def Dial(self, requests, context):
        yield from self._host.carry(requests, context)

    def Drain(self, request, context):
        with self._lock:
            first, self._draining = not self._draining, True
            calls = list(self._calls)
        for call in calls:
            call.end()
        deadline = time.monotonic() + 5
        while self._calls and time.monotonic() < deadline:
            time.sleep(0.01)
        if first and self._plugin is not None:
            self._plugin.close()
        return pb.DrainResponse()

    # SourceService

    def Streams(self, request, context):
        return pb.StreamsResponse(streams=[s.to_wire() for s in self._call(context, lambda _: self._plugin.get_streams())])

    def Plan(self, requests, context):
        plan = Plan([], [])
        for r in requests:
            plan.streams += r.streams
            plan.previous += map(Split.from_wire, r.previous)
        splits = self._call(context, lambda _: [s.to_wire() for s in self._plugin.plan(plan)])
        for i in range(0, len(splits), 1000):
            yield pb.PlanResponse(splits=splits[i:i + 1000])

    def Read(self, request, context):
        events = queue.Queue(_QUEUED)

        def put(event):
            while True:
                try:
                    return events.put(event, timeout=0.2)
                except queue.Full:
                    if not context.is_active():
                        raise Failure("nobody waits for it any more") from None

        def read():
            try:
                split = Split.from_wire(request.split)
                self._work(context, lambda out: self._plugin.read(split, out), lambda event, counters: put(pb.ReadResponse(counters=counters, **event)), split.id)
                put(None)
            except Exception as err:
                try:
                    put(err)
                except Failure:
                    pass  # nobody hears it
        threading.Thread(target=read, daemon=True).start()
        while (event := events.get()) is not None:
            if isinstance(event, Exception):
                self._fail(context, event)
            yield event

    # TransformService and SinkService

    def OutStreams(self, request, context):
        streams = self._call(context, lambda _: self._plugin.out_streams([Stream.from_wire(s) for s in request.streams]))
        return pb.OutStreamsResponse(streams=[s.to_wire() for s in streams])

    def Transform(self, request, context):
        return self._take(pb.TransformResponse(), request.batch, context, self._cls.transform)

    def Write(self, request, context):
        return self._take(pb.WriteResponse(), request.batch, context, self._cls.write)

    def OpenTransform(self, request, context):
        self._call(context, lambda _: self._plugin.open(Start.from_wire(request.start)))
        return pb.OpenTransformResponse()

    def PlanSink(self, request, context):
        effects, statements = self._call(context, lambda _: self._plugin.plan_sink([Stream.from_wire(s) for s in request.streams]))
        return pb.PlanSinkResponse(effects=effects, statements=statements)

    def OpenSink(self, request, context):
        self._call(context, lambda _: self._plugin.open(Start.from_wire(request.start)))
        return pb.OpenSinkResponse()

    def CommitTransform(self, request, context):
        return pb.CommitTransformResponse(token=self._token(context))

    def CommitSink(self, request, context):
        return pb.CommitSinkResponse(token=self._token(context))

    def FinishSink(self, request, context):
        self._call(context, lambda _: self._plugin.finish(request.run, request.full))
        return pb.FinishSinkResponse()

    # GRPCController

    def Shutdown(self, request, context):
        threading.Timer(0.05, lambda: os._exit(0)).start()
        return request

    def _token(self, context):
        def commit(_):
            token = self._plugin.commit()
            if token is None:
                raise Permanent("commit returned None: it must return a JSON value that stands for what was written")
            return json.dumps(token).encode()
        return self._call(context, commit)

    def _take(self, reply, batch, context, method):
        """Hands a batch to the plugin and fills the reply with what it makes of it."""
        def send(event, counters):
            for name, value in event.items():
                getattr(reply, {"batch": "batches", "reject": "rejects"}[name]).append(value)
            reply.counters.extend(counters)
        try:
            self._work(context, lambda out: method(self._plugin, Batch.from_wire(batch), out), send, takes=True)
        except Exception as err:
            self._fail(context, err)
        return reply

    def _call(self, context, f, configured=True):
        """Runs an author's method; its error is the call's."""
        try:
            return self._work(context, f, None, configured=configured)
        except Exception as err:
            self._fail(context, err)

    def _work(self, context, f, send, split="", configured=True, takes=False):
        if configured and self._plugin is None:
            raise Permanent("the plugin has not been configured yet")
        call = Call(self._host, context, split)
        with self._lock:
            if self._draining:
                raise Failure("the plugin is being ended")
            self._calls.add(call)
        try:
            out = Output(send, call, takes)
            value = call.run(f, out)
            if send:
                out._flush()
            return value
        finally:
            with self._lock:
                self._calls.discard(call)

    def _fail(self, context, err):
        """Ends a call with an error and its class."""
        message = str(err) if isinstance(err, Failure) else f"{type(err).__name__}: {err}"
        if len(message) > 8000:
            message = message[:8000] + "…"  # the host knows half a secret by what follows it
        if not isinstance(err, Failure):
            self._host.log(f"{message}\n{_trace(err)}", "debug", {})
        info = pb.ErrorInfo(permanent=getattr(err, "permanent", False), skip=isinstance(err, Skip))
        if wait := min(getattr(err, "retry_after", 0), _LONGEST_WAIT):
            info.retry_after.seconds, info.retry_after.nanos = int(wait), int(wait % 1 * 1e9)
        status = Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
        status.details.add(type_url="type.googleapis.com/scrapekit.plugin.v1.ErrorInfo", value=info.SerializeToString())
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, message)


def _trace(err):
    return "".join(traceback.format_exception(err))[-6000:]
