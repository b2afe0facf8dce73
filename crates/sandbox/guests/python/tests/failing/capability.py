# fails: exception
# message: CapabilityError: the tool said no
# stack: File "capability.py", line 9, in run
# no stack: _moltforge
from moltforge import tools


async def run(input):
    return await tools.call("fail", ms=5)
