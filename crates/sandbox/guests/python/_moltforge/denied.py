"""What a system would be needed for raises an error that says so."""

import os
import socket
import subprocess
import threading

from .missing import INSTEAD

NO_NETWORK = "a code agent has no sockets: use moltforge.http or a tool"
NO_PROCESS = f"a code agent cannot start processes: {INSTEAD}"
NO_THREAD = "a code agent has no threads: use asyncio (asyncio.to_thread runs at once, in the same thread)"


def _no_network(*args, **kwargs):
    raise OSError(NO_NETWORK)


def _no_process(*args, **kwargs):
    raise OSError(NO_PROCESS)


def _no_thread(*args, **kwargs):
    raise RuntimeError(NO_THREAD)


class Socket(socket.socket):
    def __init__(self, *args, **kwargs):
        raise OSError(NO_NETWORK)

    def __del__(self):
        pass


def install():
    socket.socket = socket.SocketType = Socket
    for name in ("create_connection", "create_server", "socketpair", "fromfd", "getaddrinfo", "gethostbyname",
                 "gethostbyname_ex", "gethostbyaddr", "gethostname", "getfqdn", "getnameinfo"):
        setattr(socket, name, _no_network)
    subprocess.Popen.__init__ = _no_process
    subprocess.Popen.__del__ = lambda self: None
    for name in ("system", "popen", "fork", "execv", "execve", "posix_spawn", "spawnv", "spawnl", "kill"):
        setattr(os, name, _no_process)
    threading.Thread.start = _no_thread
