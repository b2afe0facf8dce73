"""What an agent can do. Names and arguments are those of the tools that prompt agents have.

    from moltforge import tools, llm, state, events, agents, approvals, signals, timers, http, log
"""

from _moltforge.calls import CapabilityError, begin as _begin, call as _call
from _moltforge.output import write as _write

__all__ = ["CapabilityError", "agents", "approvals", "events", "http", "llm", "log", "signals", "state", "timers", "tools"]


def _given(**values):
    """Without what was not given, so that the same call always has the same arguments."""
    return {name: value for name, value in values.items() if value is not None}


class _Tools:
    """Any tool that the agent's file grants, built in or declared."""

    async def call(self, name, args=None, /, **more):
        return await _call(name, {**(args or {}), **more})


def _asked(prompt, messages, options):
    if (prompt is None) == (messages is None):
        raise TypeError("llm.complete takes a prompt or messages")
    if messages is None:
        messages = [{"role": "user", "content": prompt}]
    return {**_given(**options), "messages": messages}


class _Llm:
    async def complete(self, prompt=None, *, messages=None, **options):
        """`complete("text")`, or `complete(messages=[...], model=...)`."""
        return await _call("llm.complete", _asked(prompt, messages, options))

    def stream(self, prompt=None, *, messages=None, **options):
        """The same, read while it is written: `async for piece in llm.stream(...)`. `piece["text"]` is new, `piece["reply"]` is
        all of it so far. After a crash the model begins anew: then `piece["restarted"]` is true, and what came before is void.
        `result` is a future of what `complete` would give.
        """
        return _Stream(_asked(prompt, messages, options))


class _Stream:
    """A model's reply, read while it is written. Each piece is a call: a rebuilt agent reads the same ones."""

    def __init__(self, args):
        self._id, self.result = _begin("llm.complete", args)

    async def __aiter__(self):
        attempt, start, reply, done = 0, 0, "", False
        while not done:
            piece = await _call("llm.chunk", {"call": self._id, "attempt": attempt, "from": start})
            restarted = attempt != 0 and piece["attempt"] != attempt
            if piece["attempt"] != attempt:
                reply = ""
            reply += piece["text"]
            attempt, start, done = piece["attempt"], piece["to"], piece["done"]
            if piece["text"] or restarted:
                yield {"text": piece["text"], "reply": reply, "restarted": restarted}
        await self.result


class _State:
    async def get(self, key):
        return await _call("state.get", {"key": key})

    async def set(self, key, value):
        return await _call("state.set", {"key": key, "value": value})

    async def delete(self, key):
        return await _call("state.delete", {"key": key})


class _Events:
    async def emit(self, type, data=None, *, topic=None):
        return await _call("events.emit", _given(type=type, topic=topic, data=data))


class _Agents:
    async def call(self, agent, input=None, *, timeout=None):
        """Runs another agent and answers with its output."""
        return await _call("agents.call", _given(agent=agent, input=input, timeout=timeout))

    async def start(self, agent, input=None):
        """Starts another agent and answers at once."""
        return await _call("agents.start", _given(agent=agent, input=input))

    async def wait(self, executions, *, mode=None, timeout=None):
        """Waits for children that `start` began: for all, or for any (`mode="any"`)."""
        if isinstance(executions, (str, dict)):
            executions = [executions]
        ids = [one["execution_id"] if isinstance(one, dict) else one for one in executions]
        return await _call("agents.wait", _given(executions=ids, mode=mode, timeout=timeout))


class _Approvals:
    async def request(self, title, *, details=None, form=None, expires=None):
        return await _call("approvals.request", _given(title=title, details=details, form=form, expires=expires))


class _Signals:
    async def wait(self, name, *, timeout=None):
        return await _call("signals.wait", _given(name=name, timeout=timeout))


class _Timers:
    async def sleep(self, duration):
        """A text such as "500ms", "1m", "7d", or a number of seconds."""
        return await _call("time.sleep", {"duration": duration})


class Response:
    """The answer to an HTTP request. Every status is an answer, 404 and 500 too."""

    def __init__(self, answer):
        self.status = answer["status"]
        self.headers = answer.get("headers") or {}
        self.body = answer.get("body")
        self.ok = 200 <= self.status <= 299

    def json(self):
        from json import loads

        kind = self.headers.get("content-type", "")
        is_json = kind.startswith("application/json") or kind.partition(";")[0].endswith("+json")
        return loads(self.body or "") if isinstance(self.body, str | None) and not is_json else self.body

    def text(self):
        from json import dumps

        return self.body if isinstance(self.body, str) else "" if self.body is None else dumps(self.body)

    def __repr__(self):
        return f"<Response {self.status}>"


class _Http:
    """Requests to the hosts that the agent's file grants."""

    async def fetch(self, url, *, method=None, headers=None, body=None):
        """Text is sent as it is, any other body as JSON."""
        return Response(await _call("http.fetch", _given(url=url, method=method, headers=headers, body=body)))

    async def get(self, url, *, headers=None):
        return await self.fetch(url, headers=headers)

    async def post(self, url, *, body=None, headers=None):
        return await self.fetch(url, method="POST", headers=headers, body=body)


class _Log:
    def __call__(self, *values):
        _write(1, " ".join(map(str, values)))

    info = __call__

    def debug(self, *values):
        _write(0, " ".join(map(str, values)))

    def warning(self, *values):
        _write(2, " ".join(map(str, values)))

    warn = warning

    def error(self, *values):
        _write(3, " ".join(map(str, values)))


tools, llm, state, events, agents = _Tools(), _Llm(), _State(), _Events(), _Agents()
approvals, signals, timers, http, log = _Approvals(), _Signals(), _Timers(), _Http(), _Log()
