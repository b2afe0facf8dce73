"""A plain function may start the loop itself."""

import asyncio
import contextvars

from moltforge import tools

name = contextvars.ContextVar("name", default="none")


async def main(n):
    name.set("inner")
    await asyncio.sleep(0.01)
    answer = await asyncio.create_task(tools.call("echo", n=n, name=name.get()))
    return answer["n"], answer["name"]


def run(input):
    assert asyncio.run(main(input["n"])) == (4, "inner")
    with asyncio.Runner() as runner:
        assert runner.run(main(5)) == (5, "inner")
    assert name.get() == "none"
