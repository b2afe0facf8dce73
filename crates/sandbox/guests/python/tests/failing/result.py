# fails: exception
# message: TypeError: Object of type set is not JSON serializable
def run(input):
    return {1}
