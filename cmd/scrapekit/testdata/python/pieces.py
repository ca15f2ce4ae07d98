"""Pieces of the SDK, tested by themselves."""
import types
import unittest

from scrapekit.host import Reply
from scrapekit.server import _Calls
from scrapekit.wire import Status, pb


class Context:
    def set_trailing_metadata(self, metadata):
        self.status = Status.FromString(metadata[0][1])

    def abort(self, code, message):
        pass


def told(err):
    """What the host is told of an error."""
    context = Context()
    _Calls._fail(None, context, err)
    return pb.ErrorInfo.FromString(context.status.details[0].value)


class Pieces(unittest.TestCase):
    def test_a_long_retry_after_travels(self):
        for seconds in ("9" * 20, "9" * 5000):
            head = types.SimpleNamespace(status=429, headers=[types.SimpleNamespace(name="Retry-After", value=seconds)])
            info = told(Reply("GET", "http://host.example/", head, b"").error())
            self.assertFalse(info.permanent)
            self.assertGreater(info.retry_after.seconds, 99 * 365 * 24 * 3600)


if __name__ == "__main__":
    unittest.main()
