from moltforge import log, state, timers


# Called once for each run. Whatever it awaits from moltforge is a step of the journal: after a crash the program is
# rebuilt, and every finished step is answered from there.
async def run(input):
    name = input.get("name", "world")
    greeted = (await state.get("greeted") or 0) + 1
    log("greeting", name)
    await timers.sleep("1s")
    await state.set("greeted", greeted)
    return {"greeting": f"Hello, {name}!", "greeted": greeted}
