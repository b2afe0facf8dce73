import asyncio
import time

from moltforge import CapabilityError, tools


async def run(input):
    assert input == {"n": 4}
    # in parallel, and in the order of the list
    started = time.time()
    a, b = await asyncio.gather(tools.call("echo", ms=300, a=1), tools.call("echo", {"ms": 200, "b": 2}))
    assert (a["a"], b["b"]) == (1, 2)
    assert time.time() - started >= 0.299

    try:
        await asyncio.wait_for(tools.call("never"), 0.05)
        raise AssertionError("it must time out")
    except TimeoutError:
        pass
    async with asyncio.timeout(1):
        await asyncio.sleep(0.01)

    order = []

    async def note(name, seconds):
        await asyncio.sleep(seconds)
        order.append(name)
        return name

    async with asyncio.TaskGroup() as group:
        slow = group.create_task(note("slow", 0.03))
        group.create_task(note("fast", 0.01))
    assert order == ["fast", "slow"] and slow.result() == "slow"

    done, pending = await asyncio.wait(
        [asyncio.create_task(note("first", 0.01)), asyncio.create_task(note("last", 5))],
        return_when=asyncio.FIRST_COMPLETED,
    )
    assert [task.result() for task in done] == ["first"]
    for task in pending:
        task.cancel()
    assert isinstance((await asyncio.gather(*pending, return_exceptions=True))[0], asyncio.CancelledError)

    results = await asyncio.gather(tools.call("fail"), note("fine", 0), return_exceptions=True)
    assert isinstance(results[0], CapabilityError) and results[1] == "fine"
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(tools.call("fail"))
            group.create_task(tools.call("never"))
        raise AssertionError("the group must fail")
    except* CapabilityError as errors:
        assert errors.exceptions[0].code == "tool_failed"

    queue, lock, event = asyncio.Queue(1), asyncio.Lock(), asyncio.Event()

    async def produce():
        for i in range(3):
            await queue.put(i)
        event.set()

    producer = asyncio.create_task(produce())
    assert [await queue.get() for _ in range(3)] == [0, 1, 2]
    await event.wait()
    await producer
    async with lock:
        pass

    assert await asyncio.to_thread(lambda x: x + 1, 1) == 2
    # a blocking sleep is a timer too; what arrives meanwhile is not lost
    task = asyncio.create_task(tools.call("echo", ms=10, x=1))
    await asyncio.sleep(0)
    before = time.monotonic()
    time.sleep(0.5)
    assert time.monotonic() - before >= 0.499
    assert (await task)["x"] == 1

    async def numbers():
        for i in range(3):
            yield i
            await asyncio.sleep(0)

    assert [n async for n in numbers()] == [0, 1, 2]
    return "ok"
