# fails: exception
# message: NameError
# stack: File "toplevel.py", line 4
undefined()


def run(input):
    pass
