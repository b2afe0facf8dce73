from moltforge import CapabilityError, agents, approvals, events, http, llm, log, signals, state, timers, tools


def called(name, /, **args):
    return {"name": name, "args": args}


async def run(input):
    assert await tools.call("weather", city="Riga") == called("weather", city="Riga")
    assert await tools.call("weather", {"city": "Riga"}) == called("weather", city="Riga")
    assert await tools.call("now") == called("now")
    user = [{"role": "user", "content": "hi"}]
    assert await llm.complete("hi") == called("llm.complete", messages=user)
    assert await llm.complete(messages=user, model="m") == called("llm.complete", model="m", messages=user)
    assert await state.get("nothing") is None
    await state.set("key", {"a": [1, None]})
    assert await state.get("key") == {"a": [1, None]}
    assert await state.delete("key") == called("state.delete", key="key")
    assert await events.emit("report.finished", {"n": 1}) == called("events.emit", type="report.finished", data={"n": 1})
    assert await agents.call("helper", 1, timeout="1m") == called("agents.call", agent="helper", input=1, timeout="1m")
    assert await agents.start("helper") == called("agents.start", agent="helper")
    ids = await agents.wait([{"execution_id": "e1"}, "e2"], mode="any")
    assert ids == called("agents.wait", executions=["e1", "e2"], mode="any")
    assert await approvals.request("Pay?", expires="1h") == called("approvals.request", title="Pay?", expires="1h")
    assert await signals.wait("go", timeout=30) == called("signals.wait", name="go", timeout=30)
    assert await timers.sleep("1m") == called("time.sleep", duration="1m")

    try:
        await tools.call("fail", a=1)
        raise AssertionError("it must fail")
    except CapabilityError as error:
        assert (str(error), error.code, error.capability) == ("the tool said no", "tool_failed", "fail")
        assert error.details == {"status": 418}

    got = await http.get("https://api.test/a")
    assert (got.status, got.ok, got.json()) == (200, True, {"url": "https://api.test/a"})
    posted = await http.post("https://api.test/", body={"a": 1}, headers={"x-a": "1"})
    assert posted.json() == {"url": "https://api.test/", "method": "POST", "headers": {"x-a": "1"}, "body": {"a": 1}}
    text = await http.fetch("https://api.test/text/404")
    assert (text.ok, text.status, text.text()) == (False, 404, "plain text")
    try:
        await http.get("https://refused.test/")
        raise AssertionError("it must fail")
    except CapabilityError as error:
        assert error.code == "egress_not_granted"
    for wrong in (llm.complete(), llm.complete("a", messages=[]), tools.call("")):
        try:
            await wrong
            raise AssertionError("it must fail")
        except TypeError:
            pass
    print("to the log", {"a": 1})
    log("text")
    log.warning("w")
    log.error("\ud800")
