import helper

NAME = __name__
ONE = 1


def deep():
    return helper.double(1) + ONE
