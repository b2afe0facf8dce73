"""What to do about a module that is not there."""

import importlib.abc
import sys

INSTEAD = "declare the work as an HTTP tool ([[tool]] in agent.toml) and call it with moltforge.tools"

NATIVE = frozenset(
    """numpy scipy pandas polars pyarrow torch torchvision tensorflow jax sklearn matplotlib PIL cv2 lxml cryptography
    nacl bcrypt psycopg2 psycopg mysqlclient MySQLdb asyncpg grpc orjson ujson msgpack pydantic_core tokenizers tiktoken
    regex greenlet gevent uvloop cffi _cffi_backend Crypto Cryptodome zstandard lz4 snappy numba cython h5py shapely
    rpds fitz duckdb pymssql pyodbc psutil zmq curl_cffi pycurl spacy transformers onnxruntime faiss""".split()
)
ABSENT = {
    "ssl": "connections are made by MoltForge: use moltforge.http or a tool",
    "_ssl": "connections are made by MoltForge: use moltforge.http or a tool",
    "sqlite3": "there is no file system: keep values with moltforge.state",
    "_sqlite3": "there is no file system: keep values with moltforge.state",
    "ctypes": f"native code cannot run in a code agent: {INSTEAD}",
    "_ctypes": f"native code cannot run in a code agent: {INSTEAD}",
    "multiprocessing": "there are no processes in a code agent: use asyncio, or start agents with moltforge.agents",
    "bz2": "it needs a C library that is not in the sandbox: zlib and gzip are there",
    "lzma": "it needs a C library that is not in the sandbox: zlib and gzip are there",
    "tkinter": "there is no screen",
    "curses": "there is no terminal",
    "readline": "there is no terminal",
}


class Missing(importlib.abc.MetaPathFinder):
    """The last finder: it finds nothing, and says what can be done instead."""

    def __init__(self, files):
        self._files = files

    def find_spec(self, name, path=None, target=None):
        if self._only_asked():
            return None
        raise ModuleNotFoundError(f"No module named {name!r}: {self._advice(name)}", name=name)

    @staticmethod
    def _only_asked():
        """importlib.util.find_spec wants to know, not to import."""
        frame = sys._getframe(2)
        while frame is not None and frame.f_globals.get("__name__", "").startswith("importlib"):
            if frame.f_globals.get("__name__") == "importlib.util":
                return True
            frame = frame.f_back
        return False

    def _advice(self, name):
        top = name.partition(".")[0]
        base = name.replace(".", "/")
        native = [file for file in self._files if file.startswith(base + ".") and file.endswith((".so", ".pyd", ".dylib"))]
        if top in NATIVE or native:
            return f"it has native code, which cannot run in a code agent: use a pure-Python package, or {INSTEAD}"
        if top in ABSENT:
            return ABSENT[top]
        if top in sys.stdlib_module_names:
            return "this part of the standard library needs a system, and a code agent has none"
        return "it is not among the agent's files; pure-Python packages are bundled when the agent is deployed"
