# fails: syntax
# message: it has native code
import numpy  # noqa: F401


def run(input):
    pass
