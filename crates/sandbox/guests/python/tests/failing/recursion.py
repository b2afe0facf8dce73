# fails: exception
# message: RecursionError
def run(input):
    return run(input)
