"""The workflows are clean by the tools that know them, run what stands in the Makefile, and end in time."""

import re
import subprocess
import sys
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.standins import ROOT
from tests.delivery.targets import targets
from tests.delivery.workflows.reading import files, steps, workflows

BIN = Path(sys.executable).parent
CHECKS = {
    "actionlint": ["actionlint"],
    "zizmor": ["zizmor", "--offline", "--quiet", "--pedantic"],
    "schema": ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
    "yamllint": ["yamllint", "-s", "-d", "{extends: relaxed, rules: {line-length: disable}}"],
}
MINUTES_OF_CI = 20
PINNED = re.compile(r"^ +(?:- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
FAULTY = """
name: faulty
on: [pull_request]
permissions: {contents: write}
jobs:
  one:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v7
      - run: echo "${{ github.event.pull_request.title }}"
      - run: echo "${{ steps.nothing.outputs.x }}"
"""


def said(check: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    program, *options = CHECKS[check]
    argv = [str(BIN / program), *options, *map(str, paths)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("check", CHECKS)
def test_the_workflows_are_clean(check: str) -> None:
    done = said(check, *files())
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("check", "finding"),
    [("actionlint", 'property "nothing" is not defined'), ("zizmor", "template-injection")],
)
def test_the_checks_find_what_is_wrong(check: str, finding: str, tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.yml"
    faulty.write_text(FAULTY)

    done = said(check, faulty)

    assert done.returncode != 0
    assert finding in done.stdout


def commands_of(job: Mapping[str, Any], step: Mapping[str, Any]) -> list[str]:
    """The lines of a step; a value of the matrix stands for each of its values."""
    lines = str(step["run"]).splitlines()
    if '"$TARGET"' not in step["run"]:
        return lines
    values = [each["target"] for each in job["strategy"]["matrix"]["include"]]
    return [line.replace('"$TARGET"', value) for line in lines for value in values]


def test_every_step_runs_a_target_that_exists() -> None:
    known = targets()
    unknown: list[str] = []
    for workflow in workflows().values():
        for job, step in steps(workflow):
            if "run" in step:
                words = [line.split() for line in commands_of(job, step)]
                unknown += [" ".join(each) for each in words if each[0] != "make" or each[1] not in known]
    assert unknown == []


def test_every_action_is_pinned_by_its_commit_and_names_its_version() -> None:
    used = [line for path in files() for line in path.read_text().splitlines() if " uses: " in f" {line}"]
    assert [line for line in used if not PINNED.match(line)] == []
    pins = {tuple(line.split("uses: ")[1].split("@")) for line in used}
    assert len({name for name, _ in pins}) == len(pins) > 0, "one action has two pins"


def test_continuous_integration_ends_in_time() -> None:
    jobs = workflows()["ci.yml"]["jobs"]

    def minutes(name: str) -> int:
        needs = jobs[name].get("needs", [])
        before = [needs] if isinstance(needs, str) else needs
        return int(jobs[name]["timeout-minutes"]) + max(map(minutes, before), default=0)

    assert max(map(minutes, jobs)) <= MINUTES_OF_CI


@pytest.mark.parametrize(
    ("event", "ref", "is_shared"),
    [
        pytest.param("push", "refs/heads/main", False, id="no push to main waits for, or drops, another"),
        pytest.param("pull_request", "refs/pull/7/merge", True, id="a pull request has one run"),
    ],
)
def test_every_push_to_main_has_a_run_of_its_own(event: str, ref: str, is_shared: bool) -> None:
    # GitHub keeps one run and one waiting run of a group: a third push would cancel the second one's.
    concurrency = workflows()["ci.yml"]["concurrency"]

    first, second = (
        filled(concurrency["group"], {"event_name": event, "ref": ref, "sha": sha})
        for sha in ("3f1c2a9", "8e0d4b1")
    )

    assert (first == second) is is_shared
    assert concurrency["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"


def filled(text: str, github: Mapping[str, str]) -> str:
    """A text with its expressions worked out: a variable of GitHub's, or `name == 'text' && one || another`."""

    def value(expression: re.Match[str]) -> str:
        condition, _, choice = expression[1].rpartition(" && ")
        yes, _, no = choice.partition(" || ")
        asked = re.fullmatch(r"github\.(\w+) == '(\w+)'", condition)
        chosen = no if asked and github[asked[1]] != asked[2] else yes
        return github[chosen.removeprefix("github.")]

    return re.sub(r"\$\{\{ (.+?) \}\}", value, text)


def test_no_job_may_more_than_it_says_and_each_has_a_deadline() -> None:
    for name, workflow in workflows().items():
        assert workflow["permissions"] == {}, name
        assert workflow["concurrency"]["group"], name
        for job in workflow["jobs"].values():
            assert job["permissions"], f"{name}: {job['name']}"
            assert job["timeout-minutes"] <= 45, f"{name}: {job['name']}"
            assert job["runs-on"] == "ubuntu-24.04"


def test_the_parts_of_the_end_to_end_tests_are_all_of_them_and_none_twice() -> None:
    parts = workflows()["ci.yml"]["jobs"]["servers"]["strategy"]["matrix"]["include"]
    ignored = [each["args"].removeprefix("--ignore-glob=") for each in parts if each["target"] == "e2e"]
    files = [str(path.relative_to(ROOT)) for path in (ROOT / "tests/e2e").glob("test_*.py")]

    assert len(ignored) == 2
    assert {file: sum(not fnmatch(file, each) for each in ignored) for file in files} == dict.fromkeys(
        files, 1
    )


def test_rules_are_tried_on_three_pythons() -> None:
    assert len(workflows()["ci.yml"]["jobs"]["rules"]["strategy"]["matrix"]["python"]) == 3


def test_both_builds_of_an_image_tell_all_that_its_labels_say() -> None:
    """Built twice from the same values, the second one comes from the cache: what was scanned is what is published."""
    labels = re.findall(r'image\.\w+="\$\{(\w+)\}"', (ROOT / "Dockerfile").read_text())
    built = [step["with"] for _, step in steps(workflows()["ci.yml"]) if "build-push" in step.get("uses", "")]
    told = [dict(line.split("=", 1) for line in each["build-args"].splitlines()) for each in built]

    assert len(told) == 2
    assert told[0] == told[1]
    assert set(told[0]) == set(labels) == {"CREATED", "REVISION", "SOURCE", "VERSION"}


def test_the_secrets_have_the_names_that_the_company_set() -> None:
    used = set(re.findall(r"secrets\.(\w+)", "".join(path.read_text() for path in files())))
    assert used == {"OPENAI_API_KEY", "KUBECONFIG_B64", "DATABASE_URL", "DEPLOYMENTS_TOKEN", "GITHUB_TOKEN"}
