"""``python -m tests.integration.runbooks.worker run RUN_ID``: as ``python -m runbooks``, with an action of these tests.

The action writes what it does into a file beside its target, so that a test sees each step and how often it was taken.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

from backend.errors import Refused
from backend.runbooks import rules
from backend.runbooks.types import Plan, Risk
from runbooks import __main__, engine, registry
from runbooks.action import Action, ActionParameters, Step
from runbooks.context import Running

LINES_A_SECOND = 200


class Parameters(ActionParameters):
    """A folder to write to, and where something happens."""

    folder: str
    dies_in: str = ""
    stubborn: bool = False


def note(parameters: Parameters, step: str) -> None:
    with (Path(parameters.folder) / "taken").open("a") as file:
        file.write(f"{step}\n")


def taken(folder: Path) -> list[str]:
    """The steps that were begun, in their order."""
    path = folder / "taken"
    return path.read_text().split() if path.exists() else []


def _step(name: str) -> Step[Parameters]:
    def take(running: Running, parameters: Parameters) -> None:
        note(parameters, name)
        for number in range(20):
            running.output(f"{name} {number}")
        if parameters.dies_in == name and not (Path(parameters.folder) / "died").exists():
            (Path(parameters.folder) / "died").touch()
            running.writer.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        running.remember(last=name)

    return Step(name=name, run=take)


def _talk(name: str) -> Step[Parameters]:
    """Say one numbered line after the other until a file appears, and leave their number in another."""

    def take(running: Running, parameters: Parameters) -> None:
        note(parameters, name)
        folder, number = Path(parameters.folder), 0
        while not (folder / f"go-{name}").exists():
            number += 1
            running.output(f"{name} {number}")
            running.wait(1 / LINES_A_SECOND)
        (folder / f"said-{name}").write_text(str(number))

    return Step(name=name, run=take)


def _print(running: Running, parameters: Parameters) -> None:
    """Print without end; with a child that does not listen to anybody, when it is to be stubborn."""
    note(parameters, "print")
    if parameters.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
        subprocess.run([sys.executable, "-c", child], check=False)
    number = 0
    while True:
        number += 1
        running.output(f"line {number}")
        running.wait(1 / LINES_A_SECOND)


def _commit(running: Running, parameters: Parameters) -> None:
    """A step past the point of no return: it goes on until a file appears."""
    note(parameters, "commit")
    while not (Path(parameters.folder) / "go").exists():
        running.check()
        time.sleep(0.05)


def _mend(running: Running, parameters: Parameters) -> None:
    """Mend for long: until a file appears."""
    note(parameters, "mend")
    while not (Path(parameters.folder) / "go").exists():
        running.wait(0.05)
    note(parameters, "mended")


def _mend_without_end(running: Running, parameters: Parameters) -> None:
    """Hang while it mends, for which it has two seconds in this process; the launcher grants a quarter of an hour."""
    rules.MENDING_HOLDS = timedelta(seconds=2)
    with running.mending():
        note(parameters, "mend")
        Event().wait()


def _plan(_planning: object, parameters: Parameters) -> Plan:
    if not Path(parameters.folder).is_dir():
        raise Refused(reason="run_no_undo")
    return Plan()


def _plan_on(_planning: object, parameters: Parameters) -> Plan:
    """A plan whose question gets no answer."""
    note(parameters, "plan")
    time.sleep(600)
    return Plan()


def _action(
    name: str,
    *steps: Step[Parameters],
    deadline_s: int = 180,
    clean_up: Callable[[Running, Parameters], None] | None = None,
) -> Action[Parameters]:
    return Action(
        name=name,
        risk=Risk.SAFE,
        parameters=Parameters,
        plan=_plan,
        steps=steps,
        targets=lambda parameters: (f"folder:{parameters.folder}",),
        deadline_s=deadline_s,
        clean_up=clean_up,
    )


ACTIONS: dict[str, Action[Any]] = {
    "take_three": _action("take_three", _step("one"), _step("two"), _step("three")),
    "talk_three": _action("talk_three", _talk("one"), _talk("two"), _talk("three")),
    "print_on": _action("print_on", Step(name="print", run=_print)),
    "mend_cancelled": _action("mend_cancelled", Step(name="print", run=_print), clean_up=_mend),
    "mend_late": _action("mend_late", Step(name="print", run=_print), deadline_s=3, clean_up=_mend),
    "mend_on": _action("mend_on", Step(name="mend", run=_mend_without_end)),
    "commit_all": _action(
        "commit_all",
        _step("one"),
        Step(name="commit", run=_commit, is_cancellable=False, is_repeatable=False),
        _step("three"),
    ),
    "plan_on": replace(_action("plan_on", _step("one")), plan=_plan_on),
}


def install() -> None:
    """Let the registry know these actions, too."""
    known = registry.actions()
    registry.actions = lambda: {**ACTIONS, **{name: known[name] for name in known if name == "pause_job"}}  # type: ignore[assignment] - a process of its own


if __name__ == "__main__":
    install()
    engine.FORCED_S = 5.0
    sys.exit(__main__.main())
