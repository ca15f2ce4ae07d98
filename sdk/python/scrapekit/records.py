"""Records in batches: newline-delimited JSON, one record a line."""
import json

from .errors import Reject
from .wire import pb

BATCH_TARGET = 256 << 10  # bytes at which a batch is sent
MAX_RECORD = 64 << 20  # bytes of the longest record that may travel
_OPS = {"upsert": "OP_UPSERT", "delete": "OP_DELETE"}
_OP_NAMES = {1: "upsert", 2: "delete"}


def to_line(record):
    """A record as a line. bytes are JSON already, and are taken as they are if they are one line."""
    if isinstance(record, bytes) and b"\n" not in record and b"\r" not in record:
        return record + b"\n"
    if isinstance(record, bytes):
        record = json.loads(record)
    return json.dumps(record, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def line_of(record):
    """A record as a line that may travel. Raises Reject."""
    try:
        line = to_line(record)
    except (TypeError, ValueError, RecursionError) as err:
        raise Reject(f"no JSON: {err}") from None
    if len(line) > MAX_RECORD:
        raise Reject(f"record too long: {len(line)} bytes, the limit is {MAX_RECORD}")
    return line


class Batch:
    """Some records of one stream. op: "upsert", or "delete": then each line holds the fields of a primary key."""

    def __init__(self, stream, lines=(), op="upsert"):
        self.stream, self.op, self.lines = stream, op, list(lines)

    def records(self):
        """The records, parsed. Numbers with a fraction become floats; lines holds them as they came."""
        return map(json.loads, self.lines)

    @classmethod
    def from_wire(cls, m):
        return cls(m.stream, (line + b"\n" for line in m.payload.split(b"\n")[:-1]), _OP_NAMES.get(m.op, "upsert"))

    def to_wire(self):
        return pb.Batch(stream=self.stream, op=_OPS[self.op], count=len(self.lines), payload=b"".join(self.lines))


class Packer:
    """Packs records into batches. Records of one stream keep their order."""

    def __init__(self, send):
        self._send, self._open, self._sizes = send, {}, {}

    def add(self, stream, op, line):
        batch = self._open.get(stream)
        if batch and (batch.op != op or self._sizes[stream] + len(line) > BATCH_TARGET):
            self._send(self._open.pop(stream))
            batch = None
        if batch is None:
            batch = self._open[stream] = Batch(stream, op=op)
            self._sizes[stream] = 0
        batch.lines.append(line)
        self._sizes[stream] += len(line)

    def flush(self):
        for stream in list(self._open):
            self._send(self._open.pop(stream))
