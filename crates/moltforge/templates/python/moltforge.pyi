# The module "moltforge", for editors. The agent does not need this file.
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Literal, TypedDict

type Duration = str | float
"""'500ms', '30s', '10m', '2h', '7d', or a number of seconds."""

class CapabilityError(Exception):
    """A call that did not work. `code` is stable and has a page in the documentation."""

    capability: str
    code: str
    details: dict[str, Any]

class Message(TypedDict):
    role: Literal["system", "user", "assistant"]
    content: str

class Reply(TypedDict):
    text: str
    model: str
    usage: dict[str, Any]

class Piece(TypedDict):
    """A piece of a reply: what is new, all of it so far, and whether the model was asked again after a crash: then what came
    before is void."""

    text: str
    reply: str
    restarted: bool

class Child(TypedDict):
    execution_id: str

class Decision(TypedDict, total=False):
    decision: Literal["approved", "rejected", "expired"]
    by: str | None
    note: str | None
    answer: Any

class _Tools:
    async def call(self, name: str, args: dict[str, Any] | None = None, /, **more: Any) -> Any: ...

class _Llm:
    async def complete(
        self,
        prompt: str | None = None,
        *,
        messages: list[Message] | None = None,
        system: str | None = None,
        model: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
    ) -> Reply: ...

    def stream(
        self,
        prompt: str | None = None,
        *,
        messages: list[Message] | None = None,
        system: str | None = None,
        model: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int | None = None,
    ) -> _Stream:
        """The same, read while it is written."""

class _Stream:
    result: Awaitable[Reply]
    """What `complete` would give."""

    def __aiter__(self) -> AsyncIterator[Piece]: ...

class _State:
    async def get(self, key: str) -> Any: ...
    async def set(self, key: str, value: Any) -> Any: ...
    async def delete(self, key: str) -> Any: ...

class _Events:
    async def emit(self, type: str, data: Any = None, *, topic: str | None = None) -> Any: ...

class _Agents:
    async def call(self, agent: str, input: Any = None, *, timeout: Duration | None = None) -> Any: ...
    async def start(self, agent: str, input: Any = None) -> Child: ...
    async def wait(
        self,
        executions: str | Child | list[str | Child],
        *,
        mode: Literal["all", "any"] | None = None,
        timeout: Duration | None = None,
    ) -> Any: ...

class _Approvals:
    async def request(
        self,
        title: str,
        *,
        details: str | None = None,
        form: dict[str, Any] | None = None,
        expires: str | None = None,
    ) -> Decision: ...

class _Signals:
    async def wait(self, name: str, *, timeout: Duration | None = None) -> Any: ...

class _Timers:
    async def sleep(self, duration: Duration) -> Any: ...

class Response:
    """The answer to an HTTP request. Every status is an answer, 404 and 500 too."""

    status: int
    headers: dict[str, str]
    body: Any
    ok: bool
    def json(self) -> Any: ...
    def text(self) -> str: ...

class _Http:
    async def fetch(
        self, url: str, *, method: str | None = None, headers: dict[str, str] | None = None, body: Any = None
    ) -> Response: ...
    async def get(self, url: str, *, headers: dict[str, str] | None = None) -> Response: ...
    async def post(self, url: str, *, body: Any = None, headers: dict[str, str] | None = None) -> Response: ...

class _Log:
    def __call__(self, *values: Any) -> None: ...
    def debug(self, *values: Any) -> None: ...
    def info(self, *values: Any) -> None: ...
    def warn(self, *values: Any) -> None: ...
    def warning(self, *values: Any) -> None: ...
    def error(self, *values: Any) -> None: ...

tools: _Tools
llm: _Llm
state: _State
events: _Events
agents: _Agents
approvals: _Approvals
signals: _Signals
timers: _Timers
http: _Http
log: _Log
