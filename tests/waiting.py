"""Waiting for what another process or thread does in its own time."""

import time
from collections.abc import Callable

# Where five others wanted each processor, a process took 56 s and more for its imports, before it could say anything.
PATIENCE_S = 120.0
_PAUSE_S = 0.05


def until(holds: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Return as soon as something holds; the test fails if it does not come to be in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not happen within {within_s:g} s")
        time.sleep(_PAUSE_S)
