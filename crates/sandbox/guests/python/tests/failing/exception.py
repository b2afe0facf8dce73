# fails: exception
# message: TypeError: broken
# stack: File "exception.py", line 12, in inner
# stack: File "exception.py", line 16, in run
# stack: KeyError
# no stack: guest.py
# no stack: _moltforge
def inner():
    try:
        {}["a"]
    except KeyError as error:
        raise TypeError("broken") from error


async def run(input):
    inner()
