"""print, warnings and logging write to the execution's log."""

import io
import sys

from wit_world import log as _log

LINE = 64 * 1024


def write(level, text):
    _log(level, text.encode("utf-8", "replace").decode("utf-8"))


class Lines(io.TextIOBase):
    """A log entry for every line."""

    encoding = "utf-8"

    def __init__(self, level):
        self._level = level
        self._rest = ""

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            write(self._level, line)
        if len(self._rest) > LINE:
            self.finish()
        return len(text)

    def finish(self):
        if self._rest:
            write(self._level, self._rest)
            self._rest = ""


def install():
    sys.stdout = sys.__stdout__ = Lines(1)
    sys.stderr = sys.__stderr__ = Lines(3)
    sys.stdin = sys.__stdin__ = io.StringIO("")


def flush():
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Lines):
            stream.finish()
