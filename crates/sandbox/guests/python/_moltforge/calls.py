"""Calls of capabilities: every one is a command to the worker, and a future until its completion is handed over."""

import asyncio
import json

from componentize_py_types import Ok
from wit_world import cancel as _cancel, next as _next, submit as _submit

_open = {}  # id of a command -> what to do with its completion
_last_id = 0
_arrived = []  # what came while `time.sleep` waited for its own completion, with what is to be done with it


class Deadlock(BaseException):
    """The agent waits, and nothing is pending."""


class CapabilityError(Exception):
    """A call that did not work. `code` is stable and has a page in the documentation."""

    def __init__(self, capability, error):
        super().__init__(str(error.get("message") or error.get("code")))
        self.capability = capability
        self.code = error.get("code")
        self.details = {key: value for key, value in error.items() if key not in ("code", "message")}


CapabilityError.__module__ = "moltforge"  # where agents know it from


def command(name, args, settle):
    """Submits a command; `settle(ok, json)` gets its completion. Answers with the command's id."""
    global _last_id
    text = json.dumps(args, separators=(",", ":"), allow_nan=False)
    _last_id += 1
    _open[_last_id] = settle
    _submit(_last_id, name, text)
    return _last_id


def forget(id):
    if _open.pop(id, None) is not None:
        _cancel(id)


def _receive():
    """Waits for one completion: what to do with it, whether it is an answer, its JSON."""
    completion = _next()
    settle = _open.pop(completion.id, _nobody)
    return settle, isinstance(completion.value, Ok), completion.value.value


def _nobody(ok, value):
    """Whom the completion of a forgotten command belongs to."""


def dispatch():
    """Waits for one completion and gives it to whom it belongs."""
    if _arrived:
        settle, ok, value = _arrived.pop(0)
    elif _open:
        settle, ok, value = _receive()
    else:
        raise Deadlock("run waits for something that nothing will settle: no call and no timer is pending")
    settle(ok, value)


def wait(milliseconds):
    """A timer without the loop: everything else that arrives meanwhile is kept for it."""

    def mine(ok, value):
        pass

    command("timer", {"ms": milliseconds}, mine)
    while (received := _receive())[0] is not mine:
        _arrived.append(received)


def _error(text):
    try:
        error = json.loads(text)
    except ValueError:
        error = None
    return error if isinstance(error, dict) else {"code": "unknown", "message": text}


def begin(name, args):
    """Begins a call: its id, and the future of its answer."""
    if not isinstance(name, str) or not name:
        raise TypeError("the name of a capability is a text")
    future = asyncio.get_running_loop().create_future()

    def settle(ok, value):
        if future.done():
            return
        if ok:
            future.set_result(json.loads(value))
        else:
            future.set_exception(CapabilityError(name, _error(value)))

    return command(name, args, settle), future


async def call(name, args):
    id, future = begin(name, args)
    try:
        return await future
    finally:
        forget(id)  # only when it was cancelled: otherwise it has been taken already
