"""The workflows as data."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.delivery.standins import ROOT

FOLDER = ROOT / ".github/workflows"
Workflow = dict[str, Any]


def workflows() -> dict[str, Workflow]:
    """Every workflow by the name of its file. YAML takes the key `on` for a truth."""
    return {path.name: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}


def files() -> list[Path]:
    """The files of the workflows."""
    return sorted(FOLDER.glob("*.yml"))


def steps(of: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each step with its job."""
    for job in of["jobs"].values():
        for step in job["steps"]:
            yield job, step
