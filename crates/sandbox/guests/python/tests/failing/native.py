# fails: syntax
# message: it has native code
# message: use a pure-Python package, or declare the work as an HTTP tool ([[tool]] in agent.toml)
import numpy  # noqa: F401


def run(input):
    pass
