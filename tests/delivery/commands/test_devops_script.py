"""The script that runs every check of delivery tells what failed and what could not run, and is clean itself."""

import os
import re
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


ROW = re.compile(r"(\S+) +(passed|FAILED|could not run|no such check|\d+ did not) +(\d+)")


def table(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The result of each row; every row ends with its seconds."""
    head, *lines = (line for line in done.stdout.splitlines() if not line.startswith("    "))
    assert head.split() == ["check", "result", "seconds"]
    found = [ROW.fullmatch(line) for line in lines[:-1]]
    assert all(found), lines
    return {row[1]: row[2] for row in found if row}


def test_all_checks_are_run_and_each_has_its_row_and_its_time(programs: Programs) -> None:
    done = run(programs)

    calls = programs.calls()
    names = [line.split("|")[0] for line in run(programs, "--list").stdout.splitlines()]
    assert done.returncode == 0, done.stdout
    assert table(done) == dict.fromkeys([*names, "all"], "passed")
    assert len(calls) == len(names)
    assert done.stdout.splitlines()[-1] == f"All {len(calls)} passed."


def test_a_failed_check_ends_it_with_1_and_shows_its_last_words(programs: Programs) -> None:
    programs.answer(**{"make rules-test": (1, "one test failed")})
    done = run(programs, "rules", "languages")

    assert done.returncode == 1
    assert table(done) == {"rules": "FAILED", "languages": "passed", "all": "1 did not"}
    assert "    one test failed" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == "1 of 2 did not pass."


@pytest.mark.parametrize(
    ("check", "target", "said"),
    [
        ("lint", "make lint-all", "helm is missing. Install Helm 3.17 or newer"),
        ("vulnerabilities", "make audit-deps", "4 of 4 could not be audited, 0 found something."),
        ("built-images", "make image-test", "buildah: missing, so the images were neither built nor tried."),
    ],
)
def test_a_check_that_could_not_run_ends_it_with_1_and_is_said_apart(
    programs: Programs, check: str, target: str, said: str
) -> None:
    programs.answer(**{target: (2, said)})
    done = run(programs, check, "languages")

    assert done.returncode == 1
    assert table(done) == {check: "could not run", "languages": "passed", "all": "1 did not"}
    assert f"    {said}" in done.stdout.splitlines()


def test_an_audit_that_found_something_has_failed_though_another_could_not_run(programs: Programs) -> None:
    programs.answer(**{"make audit-deps": (2, "1 of 4 could not be audited, 1 found something.")})
    assert table(run(programs, "vulnerabilities"))["vulnerabilities"] == "FAILED"


def test_a_check_that_does_not_exist_is_no_passed_one(programs: Programs) -> None:
    assert run(programs, "nothing").returncode == 1


@pytest.mark.parametrize("check", [["shellcheck"], ["shfmt", "-d"]])
def test_the_scripts_are_clean(check: list[str]) -> None:
    scripts = sorted((ROOT / "scripts").glob("*.sh"))
    done = subprocess.run([BIN / check[0], *check[1:], *scripts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert scripts
