# fails: exception
# message: SystemExit: 3
import sys


def run(input):
    sys.exit(3)
