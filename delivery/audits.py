"""``python -m delivery.audits``: known vulnerabilities of every locked package, by each registry's own advisories.

An audit that nobody answered was none: it is told apart from one that found something, and it ends with 1 as well,
whatever the program that asked thinks of it.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.sandbox import tools

ROOT = Path(__file__).parents[1]
NO_PARTS = "no package was audited"
# What scripts/test-devops.sh looks for.
NOT_RUN = "could not be audited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is audited, by which command, and how its answer proves that packages were looked up."""

    name: str
    files: tuple[str, ...]
    command: Callable[[], Sequence[str]]
    gap: Callable[[str], str]
    """What is missing in the answer; nothing where it is whole."""


def gap_of_pip(answer: str) -> str:
    """pip-audit passes over what it does not find, unless it is strict; a skipped package is no audited one."""
    packages = _as_object(answer).get("dependencies", [])
    skipped = [each["name"] for each in packages if "vulns" not in each]
    return f"not audited: {', '.join(skipped)}" if skipped else "" if packages else NO_PARTS


def gap_of_npm(answer: str) -> str:
    """Npm tells how many packages it asked about."""
    metadata = _as_object(answer).get("metadata", {})
    return "" if metadata.get("dependencies", {}).get("total") else NO_PARTS


def gap_of_bun(answer: str) -> str:
    """Bun answers an object with the packages that have advisories, an empty one where none has."""
    try:
        return "" if isinstance(json.loads(answer), dict) else NO_PARTS
    except json.JSONDecodeError:
        return NO_PARTS


def _as_object(answer: str) -> dict[str, Any]:
    try:
        read = json.loads(answer)
    except json.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}


def _pip() -> Sequence[str]:
    options = (
        "--strict",
        "--require-hashes",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "--format",
        "json",
    )
    return (sys.executable, "-m", "pip_audit", *options, "--requirement", "requirements.txt")


def _npm() -> Sequence[str]:
    return (str(tools.node()), str(tools.npm()), "audit", "--json")


def _bun() -> Sequence[str]:
    return (str(tools.bun()), "audit", "--json")


_NPM_FILES = ("package.json", "package-lock.json")
AUDITS = (
    Audit(name="Python packages", files=("requirements.txt",), command=_pip, gap=gap_of_pip),
    Audit(
        name="the front end's packages",
        files=("reflex.lock/package.json", "reflex.lock/bun.lock"),
        command=_bun,
        gap=gap_of_bun,
    ),
    *(
        Audit(
            name=f"packages of {folder}",
            files=tuple(f"{folder}/{name}" for name in _NPM_FILES),
            command=_npm,
            gap=gap_of_npm,
        )
        for folder in ("backend/sandbox/bun", "backend/sandbox/axe")
    ),
)


def problem_of(audit: Audit) -> str:
    """Run an audit in a folder of its own; what it found, or why it was none. Nothing where all is well."""
    with tempfile.TemporaryDirectory() as folder:
        for file in audit.files:
            shutil.copy(ROOT / file, folder)
        done = subprocess.run(audit.command(), cwd=folder, capture_output=True, text=True, check=False)
    told = f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}".strip()
    if gap := audit.gap(done.stdout):
        return f"{NOT_RUN}: {gap}\n{told}".strip()
    return f"has known vulnerabilities\n{told}" if done.returncode else ""


def main() -> int:
    """Run every audit; returns the exit code."""
    problems: list[str] = []
    for audit in AUDITS:
        problem = problem_of(audit)
        print(f"{'✗' if problem else '✓'} {audit.name}{': ' if problem else ''}{problem}", flush=True)
        problems += [problem] if problem else []
    if problems:
        unanswered = sum(problem.startswith(NOT_RUN) for problem in problems)
        print(f"{unanswered} of {len(AUDITS)} {NOT_RUN}, {len(problems) - unanswered} found something.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
