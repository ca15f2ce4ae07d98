"""The host's services, over the reverse stream: the plugin asks with an id, the host answers with that id."""
import contextlib
import contextvars
import itertools
import json
import queue
import select
import socket
import threading
import urllib.parse

from .errors import Failure, NotKept, Permanent, Skip
from .wire import pb

_REDIRECTS = 10
_CHUNK = 256 << 10

# What the host has called, in whose behalf a service is asked for.
_current = contextvars.ContextVar("scrapekit call")


class Call:
    """A call of the host. It is over when the host gives it up or the plugin is drained: waits end with an error then."""

    def __init__(self, host, context, split=""):
        self.host, self.split, self.counts = host, split, {}
        self._lock, self._waiting, self.over = threading.Lock(), set(), False
        if context is not None and not context.add_callback(self.end):
            self.over = True

    def end(self):
        with self._lock:
            self.over = True
            waiting = list(self._waiting)
        for q in waiting:
            q.put(None)

    def check(self):
        if self.over:
            raise Failure("nobody waits for it any more")

    @contextlib.contextmanager
    def waiting(self):
        """A queue that also gets None when the call is over."""
        q = queue.SimpleQueue()
        with self._lock:
            self.check()
            self._waiting.add(q)
        try:
            yield q
        finally:
            with self._lock:
                self._waiting.discard(q)

    def take_counts(self):
        counts, self.counts = self.counts, {}
        return [pb.Counter(name=name, n=n) for name, n in counts.items()]

    def run(self, f, *args):
        """Runs f with the host's services."""
        token = _current.set(self)
        try:
            return f(*args)
        finally:
            _current.reset(token)


def _call():
    call = _current.get(None)
    if call is None:
        raise RuntimeError("the host's services are there in the methods that it has called, and in no other thread")
    return call


class Temporary:
    """What the plugin knows of replies: one of this status, whose first 64 KiB hold text, is asked for again."""

    temporary = True

    def __init__(self, status, text=""):
        self.status, self.text = status, text

    def to_wire(self):
        return pb.ReplyClass(status=self.status, text=self.text, temporary=self.temporary)


class Final(Temporary):
    """The same, but the reply is handed on as it is, though its status says that asking again may help."""

    temporary = False


class Throttled:
    """What the plugin knows of replies that refuse because the far end is asked too often: the host pauses all requests to it.

    status, text and header ("Name" or "Name: value") say which replies are meant. seconds is the path in the JSON body to the
    seconds to wait, "errors.0.extensions.retry_in_seconds"; pause are the seconds where the reply says none. good: the reply
    is handed on, and what it says is for the next requests.
    """

    def __init__(self, status=0, text="", header="", seconds="", pause=0.0, good=False):
        self._class = pb.ReplyClass(status=status, text=text, header=header, throttled=True, seconds=seconds, good=good)
        if pause:
            self._class.pause.seconds, self._class.pause.nanos = int(pause), int(pause % 1 * 1e9)

    def to_wire(self):
        return self._class


class Reply:
    """A whole reply."""

    def __init__(self, method, url, head, body):
        self.method, self.url, self.status, self.body = method, url, head.status, body
        self.headers = {h.name.lower(): h.value for h in head.headers}

    def error(self):
        """The error of a reply that is not 2xx; None for one that is."""
        if 200 <= self.status < 300:
            return None
        more = [self.beginning(), self.headers.get("scrapekit-gave-up"), self.headers.get("scrapekit-login")]
        text = ": ".join([f"{self.method} {self.url}: {self.status}"] + [m for m in more if m])
        if self.status not in (408, 425, 429) and self.status < 500:
            return Permanent(text)
        wait = self.headers.get("retry-after", "")
        return Failure(text, float(wait) if wait.isdecimal() else 0)

    def json(self, *members):
        """The body of a reply 2xx, parsed. members are those that the value must have: without one of them it is not what
        was asked for, but an error in the clothes of a success, and is raised as a temporary one."""
        if err := self.error():
            raise err
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as err:
            raise Failure(f"{self.method} {self.url}: the reply is not JSON: {err}: {self.beginning()}") from None
        missing = [m for m in members if not isinstance(value, dict) or m not in value]
        if missing:
            raise Failure(f"{self.method} {self.url}: the reply has no {missing[0]!r}: {self.beginning()}")
        return value

    def beginning(self):
        more = "…" if len(self.body) > 200 else ""
        return " ".join(self.body[:200].decode("utf-8", "replace").split()) + more


def request(url, *, method="GET", headers=None, body=b"", idempotent=False, classes=(), redirects=_REDIRECTS):
    """Asks the host for a request, follows redirects, and returns the :class:`Reply`, whatever its status.

    idempotent: it only reads and may be sent twice, though its method does not say so; a POST of a source must have it. classes: what the plugin knows of replies to it.
    redirects: how many to follow. The errors may be let through: the host gives them the right class.
    """
    call, headers = _call(), dict(headers or {})
    for _ in range(redirects + 1):
        reply = call.host.fetch(call, method, url, headers, body, idempotent, classes)
        to = reply.headers.get("location")
        if reply.status not in (301, 302, 303, 307, 308) or not to or not redirects:
            return reply
        if reply.status < 304 and method not in ("GET", "HEAD"):
            method, body = "GET", b""
        before, url = url, urllib.parse.urljoin(url, to)
        if urllib.parse.urlsplit(before).netloc != urllib.parse.urlsplit(url).netloc:
            headers = {k: v for k, v in headers.items() if k.lower() not in ("authorization", "cookie")}
    raise Permanent(f"{method} {url}: more than {redirects} redirects")


def get_json(url, *members, **options):
    """The JSON that a GET of url gives; see :meth:`Reply.json` and :func:`request`."""
    options["headers"] = {"Accept": "application/json", **options.get("headers", {})}
    return request(url, **options).json(*members)


def keep(key, url, *, headers=None, classes=(), size=None, type=""):
    """Has the host keep the body of a reply to a GET in the pipeline's folder of files. Returns a dict with path, sha256 and
    size. key names the content for good: what was kept under it is not asked for again. headers and classes are those of
    :func:`request`. size and type are the length in bytes and the media type of the file, if they are known: what is not so
    is not the file. Raises :class:`NotKept` if there is no such file. It needs a block files in the pipeline file."""
    call = _call()
    kept = call.host.keep(call, key, url, headers or {}, classes, size, type)
    return dict(path=kept.path, sha256=kept.sha256, size=kept.size)


def dial(address):
    """A TCP connection to an address, "db.example.com:5432", as an ordinary socket. The host opens it if the pipeline file
    grants the address, by a setting with dial=True or by a permission."""
    call = _call()
    return call.host.dial(call, address)


def log(message, level="info", **fields):
    """Writes a line into the host's log. level: debug, info, warn or error."""
    _call().host.log(message, level, fields)


def count(name, n=1):
    """Adds to a counter of the report. It is exact: a count belongs to the records that are emitted with it."""
    counts = _call().counts
    counts[name] = counts.get(name, 0) + n


class Host:
    """The plugin's end of the reverse stream."""

    def __init__(self):
        self._out, self._ids, self._orders = queue.SimpleQueue(), itertools.count(1), {}

    def open(self, requests, context):
        context.send_initial_metadata(())
        threading.Thread(target=self._take, args=(requests,), daemon=True).start()
        yield from iter(self._out.get, None)

    def _take(self, requests):
        try:
            for m in requests:
                if order := self._orders.get(m.id):
                    order.put(m)
        except Exception:  # the connection is gone, and this process soon
            pass
        self._out.put(None)

    def log(self, message, level, fields):
        fields = [_field(k, v) for k, v in fields.items()]
        self._out.put(pb.FromPlugin(log=pb.Log(level=f"LEVEL_{level.upper()}", message=str(message), fields=fields)))

    def fetch(self, call, method, url, headers, body, idempotent, classes):
        ask = pb.Fetch(method=method, url=url, headers=_headers(headers), body=body, body_in_head=True, split=call.split,
                       idempotent=idempotent, classes=[c.to_wire() for c in classes])
        with self._order(call, pb.FromPlugin(fetch=ask), pb.FromPlugin(cancel=pb.Cancel())) as (number, answers):
            head, data = None, []
            for m in answers:
                kind = m.WhichOneof("message")
                if kind == "request_error":
                    raise _failure(m.request_error)
                part = getattr(m, kind)
                if kind == "fetch_head":
                    head = part
                    data.append(part.body)
                else:
                    data.append(part.data)
                    if not part.last:
                        self._out.put(pb.FromPlugin(id=number, fetch_window=pb.FetchWindow(bytes=len(part.data))))
                if part.last:
                    break
            return Reply(method, url, head, b"".join(data))

    def keep(self, call, key, url, headers, classes, size, type):
        ask = pb.Keep(key=key, url=url, headers=_headers(headers), classes=[c.to_wire() for c in classes], size=size,
                      type=type, split=call.split)
        with self._order(call, pb.FromPlugin(keep=ask), pb.FromPlugin(cancel=pb.Cancel())) as (_, answers):
            m = next(answers)
            if m.WhichOneof("message") == "kept":
                return m.kept
            if m.WhichOneof("message") == "request_error":
                raise _failure(m.request_error)
            raise _not_kept(m.not_kept)

    def dial(self, call, address):
        cancel = pb.FromPlugin(dial_cancel=pb.DialCancel())
        with self._order(call, pb.FromPlugin(dial=pb.Dial(network="tcp", address=address)), cancel) as (_, answers):
            m = next(answers)
            if isinstance(m, socket.socket):
                return m
            error = m.dial_error
            raise (Permanent if error.permanent else Failure)(f"dial {address}: {error.message}")

    def carry(self, requests, context):
        """Carries the bytes of a connection between the host and a socket of the plugin's."""
        first = next(requests).connected
        order = self._orders.get(first.id)
        if order is None:
            return  # nobody waits for it any more
        theirs, ours = socket.socketpair()
        order.put(theirs)
        threading.Thread(target=_receive, args=(requests, ours), daemon=True).start()
        try:
            while data := ours.recv(_CHUNK):
                yield pb.DialResponse(data=data)
            poll = select.poll()
            poll.register(ours, 0)
            if poll.poll(0):  # closed, and not only for writing
                return
            yield pb.DialResponse(close_write=pb.CloseWrite())
            poll.poll()
        except OSError:
            pass  # it broke; the plugin sees that on its own end
        finally:
            ours.close()

    @contextlib.contextmanager
    def _order(self, call, ask, cancel):
        """Sends what asks for something and yields its id and an iterator of what comes back. What is not taken to its end is
        cancelled."""
        number = next(self._ids)
        ask.id = cancel.id = number
        with call.waiting() as q:
            self._orders[number] = q
            try:
                self._out.put(ask)
                yield number, _answers(q, call)
            except BaseException:
                self._out.put(cancel)
                raise
            finally:
                del self._orders[number]


def _answers(q, call):
    while True:
        m = q.get()
        if m is None:
            call.check()
        yield m


def _receive(requests, ours):
    try:
        for m in requests:
            kind = m.WhichOneof("message")
            if kind == "data":
                ours.sendall(m.data)
            elif kind == "close_write":
                ours.shutdown(socket.SHUT_WR)
            else:
                break  # broken
    except Exception:  # the call or the socket has ended
        pass
    with contextlib.suppress(OSError):
        ours.shutdown(socket.SHUT_RDWR)


def _field(name, value):
    return getattr(pb, "Log.Field")(name=name, value=str(value))


def _headers(headers):
    return [pb.Header(name=k, value=v) for k, v in headers.items()]


def _not_kept(e):
    if e.HasField("error"):
        return _failure(e.error)
    text = f"{e.url}: {e.problem}" if e.problem else f"GET {e.url}: {e.status}: {e.said}"
    return NotKept(text, e.status, e.problem, e.too_long)


def _failure(e):
    if e.robots:
        return Skip(e.message)
    return (Permanent if e.permanent else Failure)(e.message, e.retry_after.seconds + e.retry_after.nanos / 1e9)
