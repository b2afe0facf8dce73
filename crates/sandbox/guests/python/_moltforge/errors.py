"""What a failed run says: the kind, one line, and a traceback that names the author's files."""

import traceback

from . import bundle
from .calls import Deadlock

loaded = False  # whether the entry has been imported


class NoRun(BaseException):
    """The entry has no function `run`."""


def _line(error):
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _author(frame):
    return frame.filename in bundle.files or frame.filename.startswith("<stdlib>")


def _prune(exception, depth=0):
    """Takes the runtime's own frames out of a traceback and of those behind it."""
    if exception is None or depth > 20:
        return
    exception.stack[:] = [frame for frame in exception.stack if _author(frame)]
    for inner in (exception.__cause__, exception.__context__, *(exception.exceptions or ())[:20]):
        _prune(inner, depth + 1)


def _stack(error):
    exception = traceback.TracebackException.from_exception(error, limit=-50)
    _prune(exception)
    return "".join(exception.format())


def _clean(text):
    return text.encode("utf-8", "replace").decode("utf-8")


def describe(error):
    """kind, message and stack of whatever was raised. Never raises."""
    if isinstance(error, Deadlock):
        return "deadlock", str(error), ""
    if isinstance(error, NoRun):
        return "no-run", str(error), ""
    try:
        message, stack = _clean(_line(error)), _clean(_stack(error))
        if not loaded and isinstance(error, SyntaxError):
            place = (str(part) for part in (error.filename, error.lineno, error.offset) if part is not None)
            message = f"{':'.join(place)}: {type(error).__name__}: {error.msg}"
        return "syntax" if not loaded and isinstance(error, (SyntaxError, ImportError)) else "exception", message, stack
    except BaseException:
        return "exception", f"{type(error).__name__}, which cannot be shown", ""
