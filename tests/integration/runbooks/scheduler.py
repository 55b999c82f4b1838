"""``python -m tests.integration.runbooks.scheduler``: as ``python -m jobs``, for the actions of these tests.

With ``DIES_BEFORE_START`` it is killed once, when it has claimed a run and is about to start its process; the file that
is named says that this was done.
"""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from backend.log import configure_logging
from backend.runbooks import rules
from backend.runbooks.types import RunbookRun
from jobs import __main__
from runbooks import launching
from runbooks.local_processes import LocalProcesses
from tests.integration.runbooks import worker


class WorkerProcesses(LocalProcesses):
    """Starts processes that know the actions of these tests."""

    def start(self, run: RunbookRun) -> str:
        """Start a process, unless this one dies first."""
        died = os.environ.get("DIES_BEFORE_START", "")
        if died and not Path(died).exists():
            Path(died).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().start(run)


if __name__ == "__main__":
    configure_logging()
    worker.install()
    rules.SILENT_AFTER = timedelta(seconds=0.5)
    launching.launcher = lambda: WorkerProcesses((sys.executable, "-m", worker.__name__))  # type: ignore[assignment] - a process of its own
    sys.exit(__main__.main([]))
