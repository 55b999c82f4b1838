"""Every second: start a process for each run of a runbook that wants one, and find what became of the others."""

from functools import cache

from backend.actor import Actor
from backend.job_runs.types import LAUNCHING
from runbooks import launching
from runbooks.launching import Launcher

NAME = LAUNCHING


@cache
def _launcher() -> Launcher:
    return launching.launcher()


def run(actor: Actor) -> str:
    """Supervise all runs once. Nothing is on record: each run has its own."""
    launching.supervise(actor, _launcher())
    return ""
