"""The script that runs every check of delivery tells what failed and what could not run, and is clean itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.delivery.standins import ROOT, Programs
from tests.delivery.targets import targets

SCRIPT = ROOT / "scripts/test-devops.sh"
BIN = Path(sys.executable).parent


def run(programs: Programs, *names: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PATH": f"{programs.folder}:{os.environ['PATH']}"}
    return subprocess.run([SCRIPT, *names], env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(folder=tmp_path / "programs").stand_in("make")


def test_every_check_is_a_target_and_every_topic_of_the_tests_is_checked(programs: Programs) -> None:
    listed = [line.split("|") for line in run(programs, "--list").stdout.splitlines()]

    commands = [command.split() for _, command in listed]
    assert all(words[0] == "make" and words[1] in targets() for words in commands)
    topics = {path.name for path in (ROOT / "tests/delivery").iterdir() if (path / "__init__.py").exists()}
    assert {words[2].removeprefix("TOPIC=") for words in commands if len(words) > 2} == topics


def test_all_checks_are_run_and_counted(programs: Programs) -> None:
    done = run(programs)

    calls = programs.calls()
    assert done.returncode == 0, done.stdout
    assert len(calls) == len(run(programs, "--list").stdout.splitlines())
    assert done.stdout.splitlines()[-1] == f"All {len(calls)} passed."


def test_a_failed_check_and_one_that_could_not_run_end_it_with_1(programs: Programs) -> None:
    programs.answer(
        **{
            "make rules-test": (1, "one test failed"),
            "make lint-all": (1, "helm is missing. Install Helm 3.17 or newer"),
        }
    )
    done = run(programs, "rules", "lint", "languages")

    results = {line.split()[0]: line for line in done.stdout.splitlines() if line[:1].isalpha()}
    assert done.returncode == 1
    assert "FAILED" in results["rules"]
    assert "could not run" in results["lint"]
    assert "passed" in results["languages"]
    assert "one test failed" in done.stdout


def test_a_check_that_does_not_exist_is_no_passed_one(programs: Programs) -> None:
    assert run(programs, "nothing").returncode == 1


@pytest.mark.parametrize("check", [["shellcheck"], ["shfmt", "-d"]])
def test_the_scripts_are_clean(check: list[str]) -> None:
    scripts = sorted((ROOT / "scripts").glob("*.sh"))
    done = subprocess.run([BIN / check[0], *check[1:], *scripts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert scripts
