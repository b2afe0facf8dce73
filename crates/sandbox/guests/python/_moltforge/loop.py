"""The event loop: asyncio over commands and completions. No selector, no thread, no clock of its own."""

import asyncio
import time
import types

from . import calls
from .denied import NO_NETWORK, NO_PROCESS


class Timer(asyncio.TimerHandle):
    __slots__ = ("command",)


async def _no_network(self, *args, **kwargs):
    raise OSError(NO_NETWORK)


async def _no_process(self, *args, **kwargs):
    raise OSError(NO_PROCESS)


class Loop(asyncio.BaseEventLoop):
    def time(self):
        return time.monotonic()

    def call_at(self, when, callback, *args, context=None):
        self._check_closed()
        timer = Timer(when, callback, args, self, context)
        milliseconds = max(0, round((when - self.time()) * 1000))

        def fire(ok, value):
            timer._scheduled = False
            self._ready.append(timer)

        timer.command = calls.command("timer", {"ms": milliseconds}, fire)
        timer._scheduled = True
        return timer

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, timer):
        calls.forget(timer.command)

    def _run_once(self):
        # what is ready runs dry before the next completion: how completions are batched can never matter
        if not self._ready:
            calls.dispatch()
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass

    def run_in_executor(self, executor, function, *args):
        """There are no threads: it runs here and now."""
        future = self.create_future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def shutdown_default_executor(self, timeout=None):
        pass

    create_connection = create_server = create_datagram_endpoint = getaddrinfo = getnameinfo = sock_connect = _no_network
    subprocess_exec = subprocess_shell = connect_read_pipe = connect_write_pipe = _no_process


def run(main):
    loop = Loop()
    try:
        return loop.run_until_complete(main)
    finally:
        asyncio.set_event_loop(None)


def _sleep(seconds):
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    calls.wait(round(seconds * 1000))


def _clock_info(name):
    if name not in ("monotonic", "perf_counter", "process_time", "thread_time", "time"):
        raise ValueError("unknown clock")
    return types.SimpleNamespace(adjustable=False, implementation="virtual", monotonic=name != "time", resolution=1e-06)


def install():
    time.sleep = _sleep
    time.get_clock_info = _clock_info
    asyncio.new_event_loop = asyncio.events.new_event_loop = Loop
