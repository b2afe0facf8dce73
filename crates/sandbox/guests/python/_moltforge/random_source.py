"""Randomness of an execution: BLAKE2b in counter mode under the seed. Strong, and the same when it is replayed."""

import hashlib
import os
import random

_key = b""
_counter = 0
_rest = b""


def urandom(size, /):
    global _counter, _rest
    if size < 0:
        raise ValueError("negative argument not allowed")
    parts, have = [_rest], len(_rest)
    while have < size:
        block = hashlib.blake2b(_counter.to_bytes(8, "little"), key=_key).digest()
        _counter += 1
        parts.append(block)
        have += len(block)
    stream = b"".join(parts)
    _rest = stream[size:]
    return stream[:size]


def _seed(self, a=None, version=2):
    _original_seed(self, int.from_bytes(urandom(32)) if a is None else a, version)


_original_seed = random.Random.seed
random.Random.seed = _seed
os.urandom = random._urandom = urandom


def start(seed):
    global _key, _counter, _rest
    _key, _counter, _rest = bytes(seed), 0, b""
    random.seed()
