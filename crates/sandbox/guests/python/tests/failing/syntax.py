# fails: syntax
# message: syntax.py:5:
# stack: return 1 1
def run(input):
    return 1 1
