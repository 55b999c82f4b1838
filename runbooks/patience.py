"""Waiting for PostgreSQL: a run goes on while it restarts, or is swapped for a restored one."""

import time
from collections.abc import Callable
from typing import TypeVar

from backend.errors import Unavailable
from backend.log import get_logger

log = get_logger(__name__)

T = TypeVar("T")
PATIENCE_S = 180.0
AGAIN_S = 0.5


def patiently(work: Callable[[], T], *, patience_s: float = PATIENCE_S) -> T:
    """The result of database work that does no harm when it is done again. Raises Unavailable after the patience."""
    until = time.monotonic() + patience_s
    while True:
        try:
            return work()
        except Unavailable as lost:
            if time.monotonic() > until:
                raise
            log.warning("run.waits_for_database", cause=str(lost))
            time.sleep(AGAIN_S)
