"""What a trial leaves behind: servers that its tests started lead sessions of their own, so no group reaches them."""

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "MUTANT_TRIAL"
RUN = "MUTANT_RUN"


def mark(trial: int) -> None:
    """Let every program that this process starts from now on carry the number of its trial."""
    os.environ[MARK] = str(trial)


def end_all(trial: int) -> None:
    """End every program that carries the number of a trial."""
    _end(f"{MARK}={trial}".encode())


def end_run(run: str) -> None:
    """End every program of a run, its workers and what their trials left behind."""
    _end(f"{RUN}={run}".encode())


def _end(wanted: bytes) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is somebody else's
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)
