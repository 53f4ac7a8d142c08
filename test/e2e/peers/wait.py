"""Waiting for something to become true, without guessing how long it takes."""

import time

PATIENCE = 10.0  # seconds; only a broken run waits as long


def until(condition, what, patience=PATIENCE):
    """The first true value of condition(); AssertionError after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {patience} s: {what}"
        time.sleep(0.01)
