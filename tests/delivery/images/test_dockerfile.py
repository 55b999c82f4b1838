"""The Dockerfile is clean, and what it installs is locked."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards.rules import ROOT

HADOLINT = Path(sys.executable).with_name("hadolint")
LOCKS = sorted((ROOT / "delivery/requirements").glob("*.txt"))
_PINNED = re.compile(r"^([\w.-]+)==(\S+)( ;.*)? \\$", re.MULTILINE)


def pins(lock: Path) -> dict[str, tuple[str, str]]:
    """The packages of a lock file, each with its version and where it is needed."""
    return {name: (version, marker or "") for name, version, marker in _PINNED.findall(lock.read_text())}


def findings(dockerfile: str) -> str:
    """What hadolint says of it."""
    return subprocess.run(
        [HADOLINT, "-"], input=dockerfile, capture_output=True, text=True, check=False
    ).stdout


def test_the_dockerfile_has_no_finding() -> None:
    assert findings((ROOT / "Dockerfile").read_text()) == ""


def test_a_careless_dockerfile_has_findings() -> None:
    assert "DL3006" in findings("FROM debian\n")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_an_image_gets_the_versions_that_the_tests_ran_with(lock: Path) -> None:
    whole, part = pins(ROOT / "requirements.txt"), pins(lock)

    different = {name: pin for name, pin in part.items() if whole.get(name, ("", ""))[0] != pin[0]}

    assert len(part) > 80
    assert different == {}
