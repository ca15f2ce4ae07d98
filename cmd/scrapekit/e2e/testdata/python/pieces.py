"""Pieces of the SDK, tested by themselves."""
import math
import types
import unittest

import scrapekit
from scrapekit.host import Reply
from scrapekit.server import _Calls
from scrapekit.wire import Status, pb


class Context:
    def add_callback(self, callback):
        return True

    def is_active(self):
        return True

    def set_trailing_metadata(self, metadata):
        self.status = Status.FromString(metadata[0][1])

    def abort(self, code, message):
        pass


def told(err):
    """What the host is told of an error."""
    context = Context()
    _Calls._fail(None, context, err)
    return pb.ErrorInfo.FromString(context.status.details[0].value)


def transform(record, *lines):
    """What becomes of lines that a function changes, and of those that are rejected."""
    reply = pb.TransformResponse()
    plugin = type("Plugin", (scrapekit.Transform,), {"record": lambda self, stream, r: record(r)})
    calls = _Calls(plugin)
    calls._plugin = plugin()
    context = Context()
    calls._take(reply, pb.Batch(stream="posts", count=len(lines), payload=b"".join(line + b"\n" for line in lines)), context, plugin.transform)
    return [line for b in reply.batches for line in b.payload.splitlines()], reply.rejects


class Pieces(unittest.TestCase):
    def test_what_cannot_be_written_costs_its_own_record_alone(self):
        bad = b'{ "n": 2, "big": 1e400, "text": "\\u00e9" }'
        deep = []
        for _ in range(100_000):
            deep = [deep]
        for made in (math.nan, {"a": math.inf}, [{"good": 1}, {"a": -math.inf}], {"a": {1, 2}}, b"{\n", deep, None):
            got, rejects = transform(lambda r: r if r["n"] != 2 or made is None else made, b'{"n":1}', bad, b'{"n":3}')
            self.assertEqual(got, [b'{"n":1}', b'{"n":3}'])
            self.assertEqual([r.record for r in rejects], [bad])
            self.assertRegex(rejects[0].reason, "^no JSON: ")
        _, rejects = transform(lambda r: "x" * (65 << 20), bad)
        self.assertEqual((rejects[0].record, rejects[0].reason.split(":")[0]), (bad, "record too long"))

    def test_a_long_retry_after_travels(self):
        for seconds in ("9" * 20, "9" * 5000):
            head = types.SimpleNamespace(status=429, headers=[types.SimpleNamespace(name="Retry-After", value=seconds)])
            info = told(Reply("GET", "http://host.example/", head, b"").error())
            self.assertFalse(info.permanent)
            self.assertGreater(info.retry_after.seconds, 99 * 365 * 24 * 3600)


if __name__ == "__main__":
    unittest.main()
