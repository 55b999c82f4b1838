"""Plays the steps of a job that run commands, with GitHub's own rules about which step runs."""

import re
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.delivery.standins import Programs


def play(job: Mapping[str, Any], programs: Programs, values: Mapping[str, str]) -> dict[str, str]:
    """Run each `run:` of a job; returns the outcome of each by its id or command.

    ``values`` gives every expression that stands alone, such as ``secrets.DATABASE_URL``.
    """
    outcomes: dict[str, str] = {}
    has_failed = False
    for step in (each for each in job["steps"] if "run" in each):
        name = step.get("id") or str(step["run"]).removeprefix("make ")
        if not _is_run(str(step.get("if", "success()")), outcomes, has_failed=has_failed):
            outcomes[name] = "skipped"
            continue
        known = {**values, **{f"steps.{each}.outcome": outcome for each, outcome in outcomes.items()}}
        env = {**_filled(job["env"], known), **_filled(step.get("env", {}), known)}
        done = _run(programs, str(step["run"]), env)
        outcomes[name] = "success" if done.returncode == 0 else "failure"
        has_failed = has_failed or (done.returncode != 0 and not step.get("continue-on-error"))
    return outcomes


def _run(programs: Programs, command: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    _, *argv = command.split()
    return programs.make(*argv, **env)


def _filled(written: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    return {
        name: re.sub(r"\$\{\{ (.+?) \}\}", lambda found: known[found[1]], str(value))
        for name, value in written.items()
    }


def _is_run(condition: str, outcomes: Mapping[str, str], *, has_failed: bool) -> bool:
    """Whether a step runs; one that names no state of the job runs only while nothing has failed."""
    parts = [part.strip() for part in condition.split("&&")]
    if not any(part in {"always()", "failure()", "success()"} for part in parts):
        parts.append("success()")
    return all(_holds(part, outcomes, has_failed=has_failed) for part in parts)


def _holds(part: str, outcomes: Mapping[str, str], *, has_failed: bool) -> bool:
    states = {"always()": True, "failure()": has_failed, "success()": not has_failed}
    if part in states:
        return states[part]
    found = re.fullmatch(r"steps\.([\w-]+)\.outcome (==|!=) '(\w+)'", part)
    assert found, f"a condition of another form: {part}"
    return (outcomes[found[1]] == found[3]) is (found[2] == "==")
