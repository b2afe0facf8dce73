# fails: no-run
# message: no-run.py defines no run
other = 1
