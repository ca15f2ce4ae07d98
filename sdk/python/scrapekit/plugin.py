"""What an author writes: a subclass of Source, Transform or Sink."""
import dataclasses
import datetime
import json

from .errors import Permanent, Reject
from .records import MAX_RECORD, Packer, line_of, to_line
from .wire import pb


@dataclasses.dataclass
class Stream:
    """A named kind of record. key: the fields that identify a record, the widest first; none: append only. schema: JSON
    Schema of a record. cursor: the field that incremental runs go by. optional: read only where it is selected."""

    name: str
    doc: str = ""
    key: list = dataclasses.field(default_factory=list)
    schema: dict | None = None
    cursor: str = ""
    optional: bool = False

    def to_wire(self):
        schema = json.dumps(self.schema).encode() if self.schema is not None else b""
        return pb.Stream(name=self.name, doc=self.doc, primary_key=self.key, schema=schema, cursor=self.cursor, optional=self.optional)

    @classmethod
    def from_wire(cls, m):
        return cls(m.name, m.doc, list(m.primary_key), json.loads(m.schema) if m.schema else None, m.cursor, m.optional)


@dataclasses.dataclass
class Split:
    """A part of the work that can be read alone. id is the same in every run. data is the source's own description of the
    part, cursor where to go on, both JSON values; the host sets cursor, None at the beginning."""

    id: str
    stream: str = ""
    data: object = None
    cursor: object = None
    estimate: int = 0

    def to_wire(self):
        m = pb.Split(id=self.id, stream=self.stream, estimate=self.estimate)
        if self.data is not None:
            m.data = json.dumps(self.data).encode()
        if self.cursor is not None:
            m.cursor = json.dumps(self.cursor).encode()
        return m

    @classmethod
    def from_wire(cls, m):
        data = json.loads(m.data) if m.data else None
        return cls(m.id, m.stream, data, json.loads(m.cursor) if m.HasField("cursor") else None, m.estimate)


@dataclasses.dataclass
class Plan:
    """What a run is planned from: the names of the selected streams, and the splits that earlier runs finished."""

    streams: list
    previous: list

    def splits_since(self):
        """One split a stream, each of which goes on where the run before has ended."""
        cursors = {s.id: s.cursor for s in self.previous}
        return [Split(name, name, data={"since": cursors.get(name)}) for name in self.streams]


def start_of(split, first):
    """Where to begin to read a split of :meth:`Plan.splits_since`: its cursor, that of the run before, or first."""
    for at in (split.cursor, (split.data or {}).get("since")):
        if at is not None:
            return at
    return first


@dataclasses.dataclass
class Start:
    """What a run begins with, for a sink or a transform with state.

    token is that of the last commit, as commit returned it; None: there was none. resume: this very run made it. full: the
    run starts over, and what the token stands for is to be discarded. pipeline identifies the pipeline for good. epoch is
    higher than that of every instance that was opened for this seat before: refuse what carries a lower one. dir is a
    private folder that lasts between runs, where the class has private_dir = True.
    """

    run: str
    started: datetime.datetime
    token: object
    resume: bool
    full: bool
    streams: list
    pipeline: str
    seat: int
    epoch: int
    dir: str

    @classmethod
    def from_wire(cls, m):
        at = datetime.datetime.fromtimestamp(m.started.seconds + m.started.nanos / 1e9, datetime.timezone.utc)
        token = None
        if m.HasField("token"):
            try:
                token = json.loads(m.token)
            except ValueError:
                pass
            if token is None:
                raise Permanent("the token is none that commit has returned")
        streams = [Stream.from_wire(s) for s in m.streams]
        return cls(m.run, at, token, m.resume, m.full, streams, m.pipeline, m.seat, m.epoch, m.dir)


class Output:
    """Takes what a stage makes. Records are JSON values, or bytes that are JSON already.

    A record that cannot be written, because it holds nan or is too long, becomes a dead letter in a source. A transform's
    emit raises Reject: only the transform knows which record it was made of, and refuses that one.
    """

    def __init__(self, send, call, takes=False):
        self._send, self._call, self._takes = send, call, takes
        self._packer = Packer(lambda batch: self._event(batch=batch.to_wire()))

    def emit(self, stream, record):
        """Adds a record, or replaces the one of its key."""
        self._add(stream, "upsert", record)

    def delete(self, stream, key):
        """Removes the record of a key: an object of the fields of the primary key, or of the first of them."""
        self._add(stream, "delete", key)

    def cursor(self, at):
        """For sources: reading may go on from here. What lies between two cursors is delivered whole or not at all."""
        self._packer.flush()
        self._event(cursor=json.dumps(at).encode())

    def split(self, split):
        """For sources: a further split. One whose id is known already is dropped."""
        self._event(split=split.to_wire())

    def reject(self, stream, record, reason):
        """Refuses a record, which becomes a dead letter. In a transform or sink it is the line as it came, or a part of it."""
        raw = record if isinstance(record, bytes) else to_line(record)
        self._event(reject=pb.Reject(stream=stream, record=raw[:MAX_RECORD].rstrip(b"\n"), reason=reason))

    def _add(self, stream, op, record):
        try:
            line = line_of(record)
        except Reject as why:
            if self._takes:
                raise
            raw = record if isinstance(record, bytes) else repr(record).encode()
            self.reject(stream, raw[: 64 << 10], str(why))
            return
        self._packer.add(stream, op, line)

    def _flush(self):
        self._packer.flush()
        if self._call.counts:
            self._event()

    def _event(self, **event):
        self._call.check()
        self._send(event, self._call.take_counts())


class _Plugin:
    name = version = doc = ""
    settings = None  # a dataclass of scrapekit.setting fields; an instance of it in an object
    permissions = {}  # http, fs_read, fs_write, dial: what the plugin needs beyond what its settings name

    def setup(self):
        """Called once, when self.settings is set."""

    def check(self):
        """Tries the settings against the real system."""

    def close(self):
        """Called once, when the host ends the plugin."""


class Source(_Plugin):
    """Reads streams. Several splits are read at the same time, each in a thread of its own."""

    streams = []  # of Stream: all that the source has; with settings that decide, override get_streams
    robots = False  # it goes where links lead it: the host keeps to robots.txt

    def get_streams(self):
        return self.streams

    def plan(self, plan):
        """Divides the work into splits: one for each stream, unless this is overridden."""
        return plan.splits_since()

    def read(self, split, out):
        """Reads a split into out, from split.cursor on, with a cursor after each page."""
        raise NotImplementedError


class Transform(_Plugin):
    """Changes records. Calls come from several threads at once, unless the transform has a commit."""

    private_dir = False

    def record(self, stream, record):
        """Returns the record that takes the place of this one, a list of them, or None to drop it. Raise Reject to refuse it."""
        raise NotImplementedError

    def transform(self, batch, out):
        """Changes a batch into what is emitted. Deletions pass as they are. Override it to give records to other streams."""
        for line in batch.lines:
            if batch.op == "delete":
                out.delete(batch.stream, line[:-1])
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as err:
                out.reject(batch.stream, line, f"no JSON: {err}")
                continue
            try:
                made = self.record(batch.stream, record)
                made = [line_of(one) for one in (made if isinstance(made, list) else [made] if made is not None else [])]
            except Reject as why:
                out.reject(batch.stream, line, str(why))
                continue
            for one in made:
                out.emit(batch.stream, one[:-1])

    def out_streams(self, streams):
        """The streams that come out when these go in."""
        return streams

    def open(self, start):
        """Brings the state back to start.token."""

    def commit(self):
        """Returns a token, a JSON value, for the state after all batches so far."""


class Sink(_Plugin):
    """Writes records. Calls come one at a time, unless parallel is True."""

    parallel = False
    private_dir = False
    guarantee = None  # ("at_least_once", "once_per_key" or "exactly_once", "by which means"); None: what follows from open

    def plan_sink(self, streams):
        """Says what a run would do, without doing it: what becomes of each stream, a line each, and the statements that the
        sink would issue before the first record. The sink is not opened."""
        raise NotImplementedError

    def open(self, start):
        """Brings the sink back to exactly start.token: what was written after it is taken back."""

    def write(self, batch, out):
        """Takes a batch; it need not be durable yet. out.reject refuses single records."""
        raise NotImplementedError

    def commit(self):
        """Makes all that was written durable, and returns the token, a JSON value, that stands for it."""
        raise NotImplementedError

    def finish(self, run, full):
        """A run is complete. It comes again after a kill, and must do nothing twice."""
