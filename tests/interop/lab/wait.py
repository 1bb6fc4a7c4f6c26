"""Bounded waiting, the only place that sleeps."""

import time

POLL = 0.01


class Timeout(AssertionError):
    """An event that had to come did not."""


def wait_for(condition, within, what):
    """Polls condition() until it gives something true, which is returned; Timeout after `within` seconds.

    `what` says what was waited for: text, or a function that tells the state at the end.
    """
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Timeout(f"not within {within} s: {what() if callable(what) else what}")
        time.sleep(POLL)


def stays(condition, seconds, what):
    """Fails as soon as condition() is false within `seconds`: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not condition():
            raise AssertionError(f"did not stay: {what() if callable(what) else what}")
        time.sleep(POLL)


def pause(seconds):
    """Lets the scenario's own time pass (a callee that rings for 1.5 s). Not for waiting on others."""
    time.sleep(max(0.0, seconds))
