"""Calls of capabilities: every one is a command to the worker, and a future until its completion is handed over."""

import asyncio
import json

from componentize_py_types import Ok
from wit_world import cancel as _cancel, next as _next, submit as _submit

_open = {}  # id of a command -> what to do with its completion
_last_id = 0
_arrived = []  # completions that came while `time.sleep` waited for its own


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


def dispatch():
    """Waits for one completion and gives it to whom it belongs."""
    if _arrived:
        id, ok, value = _arrived.pop(0)
    elif _open:
        completion = _next()
        id, ok, value = completion.id, isinstance(completion.value, Ok), completion.value.value
    else:
        raise Deadlock("run waits for something that nothing will settle: no call and no timer is pending")
    settle = _open.pop(id, None)
    if settle:
        settle(ok, value)


def wait(milliseconds):
    """A timer without the loop: everything else that arrives meanwhile is kept for it."""
    done = []
    mine = command("timer", {"ms": milliseconds}, lambda ok, value: done.append(True))
    kept = []
    while not done:
        completion = _next()
        if completion.id == mine:
            _open.pop(mine)(True, None)
        elif completion.id in _open:
            kept.append((completion.id, isinstance(completion.value, Ok), completion.value.value))
    _arrived.extend(kept)


def _error(text):
    try:
        error = json.loads(text)
    except ValueError:
        error = None
    return error if isinstance(error, dict) else {"code": "unknown", "message": text}


async def call(name, args):
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

    id = command(name, args, settle)
    try:
        return await future
    finally:
        forget(id)  # only when it was cancelled: otherwise it has been taken already
