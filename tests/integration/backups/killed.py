"""``python -m tests.integration.backups.killed STEP BACKUP PLACE``: a step of a restore, or a run, that dies in it."""

import os
import signal
import sys
from importlib import import_module
from uuid import UUID

from backend.actor import Actor
from backend.backups import service as backups
from backend.runbooks.types import RunId
from runbooks import engine

RUNNER = Actor.process_named("runbooks")
RUN, UNDO = "0a1b2c3d", "0f0f0f0f"
STEPS = {
    "load": lambda name: backups.load(RUNNER, name, RUN),
    "carry": lambda name: backups.carry(RUNNER, name, RUN),
    "swap": lambda name: backups.swap(RUNNER, name, RUN),
    "run": lambda run_id: engine.work_on(RunId(UUID(run_id))),
    "undo": lambda _name: backups.undo(RUNNER, RUN, UNDO),
}
# Places where a process dies, each a function that is replaced by death.
PLACES = {
    "restored": "backend.backups.restore_service:analyze",
    "half carried": "backend.db.carrying:Carrying._carry_sequences",
    "cut off": "backend.db.carrying:Carrying.close",
    "renamed": "backend.backups.repository:note_refusal",
    "renamed back": "backend.db.engine:dispose",
}


def die(*_arguments: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    step, name, place = sys.argv[1:]
    module, _, path = PLACES[place].partition(":")
    owner = import_module(module)
    *outer, function = path.split(".")
    for each in outer:
        owner = getattr(owner, each)
    setattr(owner, function, die)
    STEPS[step](name)
