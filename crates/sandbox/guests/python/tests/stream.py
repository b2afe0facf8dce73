from moltforge import CapabilityError, llm


async def run(input):
    stream = llm.stream("hi", temperature=0)
    pieces = [piece async for piece in stream]
    assert pieces == [
        {"text": "hé", "reply": "hé", "restarted": False},
        {"text": "by", "reply": "by", "restarted": True},
        {"text": "e", "reply": "bye", "restarted": False},
    ], pieces
    user = [{"role": "user", "content": "hi"}]
    assert await stream.result == {"name": "llm.complete", "args": {"temperature": 0, "messages": user}}

    # who stops reading may still have the whole
    second = llm.stream(messages=user)
    async for piece in second:
        assert piece["text"] == "hé"
        break
    assert (await second.result)["args"] == {"messages": user}

    try:
        async for piece in llm.stream("hi", model="none"):
            raise AssertionError("there is no piece")
        raise AssertionError("it must fail")
    except CapabilityError as error:
        assert (error.code, error.capability) == ("model_unknown", "llm.complete")
    try:
        llm.stream()
        raise AssertionError("it must fail")
    except TypeError:
        pass
