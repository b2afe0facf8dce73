import asyncio
import importlib.util
import os
import pathlib
import socket
import subprocess
import sys
import threading
import urllib.request


def raised(kind, text, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except kind as error:
        assert text in str(error), f"{text!r} is not in {str(error)!r}"
    else:
        raise AssertionError(f"{function} must raise")


def imported(name):
    importlib.import_module(name)


async def run(input):
    raised(OSError, "no sockets", socket.socket)
    raised(OSError, "no sockets", socket.create_connection, ("example.com", 80))
    raised(OSError, "no sockets", urllib.request.urlopen, "http://example.com/")
    raised(OSError, "cannot start processes", subprocess.run, ["ls"])
    raised(OSError, "cannot start processes", os.system, "ls")
    raised(RuntimeError, "no threads", threading.Thread(target=print).start)
    for coroutine, text in (
        (asyncio.open_connection("example.com", 80), "no sockets"),
        (asyncio.create_subprocess_exec("ls"), "cannot start processes"),
    ):
        try:
            await coroutine
            raise AssertionError("it must fail")
        except OSError as error:
            assert text in str(error)
    raised(FileNotFoundError, "no file system", open, "/etc/passwd")
    raised(FileNotFoundError, "no file system", pathlib.Path("/etc/passwd").read_text)
    raised(OSError, "no file system to write to", open, "out.txt", "w")
    raised(OSError, "", os.listdir, "/")
    raised(EOFError, "", __builtins__["input"] if isinstance(__builtins__, dict) else __builtins__.input)
    raised(ImportError, "native code", imported, "numpy")
    raised(ImportError, "native code", imported, "pandas.core")
    raised(ImportError, "moltforge.http", imported, "ssl")
    raised(ImportError, "not among the agent's files", imported, "nowhere")
    assert importlib.util.find_spec("numpy") is None
    assert not os.environ and not sys.path
