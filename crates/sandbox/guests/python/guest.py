"""The image's entry: `run` of the world moltforge:engine. Everything imported here is in the snapshot."""

import inspect
import importlib
import json
import sys

import wit_world
from componentize_py_types import Err
from wit_world import Failure

from _moltforge import bundle, calls, denied, errors, loop, output, random_source, stdlib
import moltforge

stdlib.take()
denied.install()
loop.install()


async def _awaited(value):
    return await value


def _outcome(function, value):
    wanted = inspect.signature(function).parameters.values()
    takes = any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL) for p in wanted)
    result = function(value) if takes else function()
    if inspect.isawaitable(result):
        result = loop.run(_awaited(result))
    return json.dumps(result, allow_nan=False)


class WitWorld(wit_world.WitWorld):
    def run(self, files, entry, input, seed, now):
        random_source.start(seed)
        output.install()
        try:
            bundle.install({file.name: file.text for file in files})
            module = importlib.import_module(bundle.module_name(entry))
            errors.loaded = True
            function = getattr(module, "run", None)
            if not callable(function):
                raise errors.NoRun(f"{entry} defines no run: write `async def run(input): ...`")
            return _outcome(function, json.loads(input))
        except BaseException as error:
            raise Err(Failure(*errors.describe(error))) from None
        finally:
            output.flush()
