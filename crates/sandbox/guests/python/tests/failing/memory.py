# fails: exception
# message: MemoryError
# stack: File "memory.py", line 5, in run
def run(input):
    return [0] * (1 << 30)
