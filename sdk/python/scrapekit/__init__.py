"""Plugins for scrapekit, written in Python: sources, transforms and sinks.

A plugin is a class with settings, and a program that ends with ``serve``::

    class Forum(scrapekit.Source):
        ...

    scrapekit.serve(Forum)

The host starts the program. It makes the plugin's HTTP requests, adds the credentials and keeps the limits: ask by
:func:`get_json`, :func:`request` and :func:`keep`, and connect by :func:`dial`. Each may be called in any method that the
host has called, and in no other thread.
"""
from .errors import Failure, NotKept, Permanent, Reject, RetryAfter, Skip
from .host import Final, Reply, Temporary, Throttled, count, dial, get_json, keep, log, request
from .plugin import Output, Plan, Sink, Source, Split, Start, Stream, Transform, start_of
from .records import Batch
from .server import serve
from .settings import setting

__version__ = "0.1.0"
__all__ = [
    "Batch", "Failure", "Final", "NotKept", "Output", "Permanent", "Plan", "Reject", "Reply", "RetryAfter", "Sink", "Skip", "Source", "Split",
    "Start", "Stream", "Temporary", "Throttled", "Transform", "count", "dial", "get_json", "keep", "log", "request", "serve",
    "setting", "start_of",
]
