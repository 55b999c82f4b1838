"""The development stack as the compose program itself reads it."""

import json
import subprocess
from functools import lru_cache
from typing import Any

from backend.sandbox.postgres import REPOSITORY
from delivery.tools import tool

FILE = REPOSITORY / "compose.yaml"


def compose(*arguments: str, file: Any = FILE) -> subprocess.CompletedProcess[str]:
    """Run the compose program on a file; ``config`` needs no engine."""
    command = [tool("docker-compose"), "--file", file, *arguments]
    return subprocess.run(
        command, cwd=REPOSITORY, env={"HOME": "/nonexistent"}, capture_output=True, text=True, check=False
    )


@lru_cache(maxsize=1)
def stack() -> dict[str, Any]:
    """The whole file with everything resolved: anchors, defaults and paths."""
    read = compose("config", "--format", "json")
    assert read.returncode == 0, read.stderr
    resolved: dict[str, Any] = json.loads(read.stdout)
    return resolved


def services() -> dict[str, dict[str, Any]]:
    """Every service by its name."""
    found: dict[str, dict[str, Any]] = stack()["services"]
    return found


def is_one_shot(service: dict[str, Any]) -> bool:
    """Whether a service ends when its work is done."""
    return str(service.get("restart", "")).startswith("on-failure")
