# fails: deadlock
# message: nothing will settle
import asyncio


async def run(input):
    await asyncio.get_running_loop().create_future()
