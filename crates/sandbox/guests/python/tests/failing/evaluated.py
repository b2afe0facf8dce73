# fails: exception
# message: MemoryError
# stack: File "evaluated.py", line 6, in run
# no stack: _moltforge
def run(input):
    return eval("(" * 180 + "1" + ")" * 180)
