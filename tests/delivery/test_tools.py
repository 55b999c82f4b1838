"""The programs of delivery: the pinned ones run here, and where one cannot be had a sentence names it."""

import subprocess
import sys
from pathlib import Path

import pytest

from backend.sandbox.processes import SandboxError
from delivery import tools
from delivery.tools import TOOLS_BY_NAME, tool

VERSIONS = {
    "helm3": (("version", "--short"), "v3.17.2"),
    "helm4": (("version", "--short"), "v4.3.1"),
    "kubectl": (("version", "--client"), "v1.37.1"),
    "docker-compose": (("version", "--short"), "2."),
    "container-structure-test": (("version",), "v1.19.1"),
}


# Where these cannot be had, recorded answers take their place.
MEASURING_SERVERS = {"victoria-metrics", "prometheus3"}


def test_every_program_is_started_by_a_test() -> None:
    assert VERSIONS.keys() == TOOLS_BY_NAME.keys() - MEASURING_SERVERS


@pytest.mark.parametrize("name", VERSIONS)
def test_every_program_runs_here(name: str) -> None:
    asked, version = VERSIONS[name]

    answer = subprocess.run([tool(name), *asked], capture_output=True, text=True, check=True)

    assert version in answer.stdout


def test_the_command_hands_arguments_and_exit_code_on() -> None:
    started = [sys.executable, "-m", "delivery.tools", "helm4"]

    answer = subprocess.run([*started, "lint", "no-such-chart"], capture_output=True, text=True, check=False)

    assert answer.returncode == 1
    assert "no-such-chart" in answer.stdout + answer.stderr


@pytest.fixture
def another_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine for which no wheel holds programs, with nothing fetched and an empty PATH."""
    monkeypatch.setattr(tools, "HOME", tmp_path / "fetched")
    monkeypatch.setattr(tools, "WHEELS_ARE_FOR", ("Plan9", "mips"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def put_helm(folder: Path, version: str) -> Path:
    program = folder / "helm"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return program


def test_elsewhere_the_program_on_path_serves(another_machine: Path) -> None:
    program = put_helm(another_machine, "v4.0.1+g12500dd")

    assert tool("helm4") == program


def test_a_helm_of_another_generation_is_not_taken(another_machine: Path) -> None:
    put_helm(another_machine, "v4.0.1+g12500dd")

    with pytest.raises(SandboxError, match=r"helm3 is missing\. Install it .* Plan9 on mips alone\."):
        tool("helm3")


def test_without_debian_a_sentence_says_so(another_machine: Path) -> None:
    with pytest.raises(
        SandboxError, match=r"docker-compose is missing\. .* this machine's apt knows no Debian\."
    ):
        tool("docker-compose")
