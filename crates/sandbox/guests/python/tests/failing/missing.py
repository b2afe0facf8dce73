# fails: syntax
# message: not among the agent's files
import nowhere  # noqa: F401


def run(input):
    pass
