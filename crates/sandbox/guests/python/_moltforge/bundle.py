"""The agent's files: modules to import, and files to open."""

import builtins
import importlib.abc
import importlib.machinery
import io
import linecache
import os
import sys

from . import source
from .missing import Missing

files = {}


def module_name(entry):
    return entry.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        base = name.replace(".", "/")
        for file, is_package in ((f"{base}/__init__.py", True), (f"{base}.py", False)):
            if file in files:
                spec = importlib.machinery.ModuleSpec(name, self, origin=file, is_package=is_package)
                spec.has_location = True
                if is_package:
                    spec.submodule_search_locations = [base]
                return spec
        if any(file.startswith(f"{base}/") and file.endswith(".py") for file in files):
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)  # a folder without __init__.py
            spec.submodule_search_locations = [base]
            return spec
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.get_code(module.__spec__.name), module.__dict__)

    def get_source(self, name):
        return files[self.find_spec(name).origin]

    def get_code(self, name):
        file = self.find_spec(name).origin
        return source.compiled(files[file], file)

    def is_package(self, name):
        return self.find_spec(name).submodule_search_locations is not None

    def get_data(self, path):
        return _find(path).encode()


def _find(path):
    name = os.path.normpath(os.fsdecode(path)).replace("\\", "/")
    if name not in files:
        raise FileNotFoundError(2, "No such file in the agent's bundle, and there is no file system", os.fsdecode(path))
    return files[name]


def _open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
    """The files of the bundle can be read. There are no others."""
    if isinstance(file, int):
        raise OSError(9, "There are no file descriptors in a code agent")
    if set(mode) - set("rbt"):
        raise OSError(30, "A code agent has no file system to write to: keep values with moltforge.state", os.fsdecode(file))
    text = _find(file)
    if "b" in mode:
        stream = _Bytes(text.encode())
    else:
        stream = _Text(text, newline=newline)
    stream.name = os.fsdecode(file)
    return stream


class _Text(io.StringIO):
    """A StringIO that can have a name."""


class _Bytes(io.BytesIO):
    """A BytesIO that can have a name."""


def install(given):
    files.update(given)
    for name, text in files.items():
        if name.endswith(".py"):
            linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    sys.meta_path.insert(0, Finder())
    sys.meta_path.append(Missing(files))
    sys.argv = [""]
    builtins.open = io.open = _open
