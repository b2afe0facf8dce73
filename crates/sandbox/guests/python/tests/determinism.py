import datetime
import os
import random
import secrets
import time
import uuid


def run(input):
    ids = {str(uuid.uuid4()) for _ in range(100)}
    assert len(ids) == 100
    assert len(secrets.token_bytes(100_000)) == 100_000 and len(set(os.urandom(1000))) > 200
    assert random.random() != random.random() and random.Random().random() != random.Random().random()
    assert random.Random(7).random() == random.Random(7).random() == 0.32383276483316237
    assert abs(datetime.datetime.now(datetime.timezone.utc).timestamp() - time.time()) < 1e-3
    assert time.monotonic() == time.monotonic() and time.time_ns() == time.time_ns()
    assert time.localtime().tm_zone in ("UTC", "GMT") or time.timezone == 0
    before = time.time()
    time.sleep(0.5)
    assert time.time() - before >= 0.499
    return {"ids": sorted(ids)[0], "hash": hash("text")}
