"""The standard library in memory: compiled into the snapshot, imported when it is wanted. At run time there are no files."""

# what agents use most is imported here already
import abc, argparse, base64, binascii, bisect, calendar, collections.abc, contextlib, contextvars, copy, csv, dataclasses  # noqa: E401
import datetime, decimal, difflib, email.utils, enum, fractions, functools, hashlib, heapq, hmac, html, inspect, io  # noqa: E401
import itertools, json, linecache, logging, math, operator, pathlib, pprint, random, re, secrets, statistics, string  # noqa: E401
import struct, textwrap, time, traceback, types, typing, unicodedata, urllib.parse, uuid, warnings, zlib, zoneinfo  # noqa: E401

import asyncio
import gc
import importlib.abc
import importlib.machinery
import marshal
import os
import sys

_SKIP = frozenset(
    """test idlelib tkinter ensurepip turtledemo lib2to3 __pycache__ site-packages lib-dynload venv pydoc_data _pyrepl curses
    dbm multiprocessing sqlite3 ctypes""".split()
)
_code = {}  # name -> (whether it is a package, its code)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        if name not in _code:
            return None
        return importlib.machinery.ModuleSpec(name, self, origin="<stdlib>", is_package=_code[name][0])

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.get_code(module.__spec__.name), module.__dict__)

    def get_source(self, name):
        return None

    def get_code(self, name):
        return marshal.loads(_code[name][1])

    def is_package(self, name):
        return _code[name][0]


def _compile(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - _SKIP)
        for file in sorted(names):
            if not file.endswith(".py"):
                continue
            path = os.path.relpath(os.path.join(folder, file), root)
            is_package = file == "__init__.py"
            name = path.removesuffix("/__init__.py" if is_package else ".py").replace("/", ".")
            with open(os.path.join(folder, file), "rb") as source:
                code = compile(source.read(), f"<stdlib>/{path}", "exec", dont_inherit=True, optimize=1)
            _code[name] = (is_package, marshal.dumps(code))
    if len(_code) < 300:
        raise RuntimeError(f"only {len(_code)} modules of the standard library were found in {root}")


def take():
    """Compiles everything and lets go of the file system."""
    _compile(os.path.dirname(os.path.dirname(asyncio.__file__)))  # os itself is frozen, its file is none
    sys.path[:] = []
    sys.path_hooks[:] = []
    sys.path_importer_cache.clear()
    kept = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "PathFinder"]
    sys.meta_path[:] = [*kept, Finder()]
    linecache.cache.clear()
    linecache.updatecache = lambda *args, **kwargs: []
    linecache.checkcache = lambda *args, **kwargs: None
    gc.collect()
