import asyncio

from moltforge import log, signals, state, timers, tools
from soil import is_dry

PLACES = ["Lisbon", "Oslo", "Rome"]


async def run(input):
    places = input.get("places", PLACES)
    # all at once; the answers are in the order of the places
    reports = await asyncio.gather(*(tools.call("weather.today", city=place) for place in places))
    dry = [report["city"] for report in reports if is_dry(report)]
    log("dry:", ", ".join(dry) or "nowhere")

    # nothing is in memory meanwhile, and a restart of the server changes nothing
    await timers.sleep(input.get("pause", "1m"))
    decision = await signals.wait("decision", timeout="1d")

    rounds = (await state.get("rounds") or 0) + 1
    await state.set("rounds", rounds)
    return {"water": dry, "looked_at": len(reports), "decision": decision, "rounds": rounds}
