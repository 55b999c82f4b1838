"""Every target is run with recording stand-ins for all programs: what it would start is there and takes its words."""

import argparse
import importlib
import re
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.delivery.standins import ROOT, Call, Programs
from tests.delivery.targets import targets

DIGEST = "sha256:" + "a" * 64
GIVEN = {
    "APPLY": "",
    "ARGS": "",
    "COMMIT": "3f1c2a9",
    "CONFIRM": "backup-1",
    "DAY": "2026-11-22",
    "EMAIL": "sara@example.com",
    "GITHUB_REPOSITORY": "Acme/Portal",
    "HEAD": "0" * 64,
    "JOBS_DIGEST": DIGEST,
    "KUBECONFIG_B64": "e30K",
    "NAME": "backup-1",
    "NOTES": "notes.md",
    "REGISTRY": "ghcr.io/Acme/Portal",
    "RUN": "0a1b2c3d",
    "TAG": "v1.4.0",
    "URL": "https://portal.example.com",
    "VALUES": "charts/docuchat/values.yaml",
    "VERSION": "1.4.0",
    "WEB_DIGEST": DIGEST,
}
OF_THE_SYSTEM = ("helm", "kubectl", "docker", "gh", "uv", "buildah")
# Targets that answer by themselves, and the one whose script is tried in test_devops_script.py.
START_NOTHING = {"help", "image-name", "kubeconfig", "devops-test"}


def programs_of_python() -> set[str]:
    """Every program of the virtual environment that a recipe starts."""
    recipes = "\n".join(each.recipe for each in targets().values())
    return set(re.findall(r"\$\(BIN\)/([a-z-]+)", recipes)) | {"mkdocs"}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    made = Programs(folder=tmp_path_factory.mktemp("programs")).stand_in(
        *programs_of_python(), *OF_THE_SYSTEM
    )
    return made.answer(helm_version=(0, "v4.3.1+gabc"), helm_upgrade=(0, '{"manifest": ""}'))


def run(programs: Programs, target: str, **env: str) -> list[Call]:
    """The calls of a target that went well."""
    kubeconfig = str(programs.folder / "kubeconfig")
    done = programs.make(
        target,
        f"BIN={programs.folder}",
        f"UV={programs.folder}/uv",
        **{**GIVEN, "KUBECONFIG": kubeconfig, "ARGS": "--list" if target == "devops-test" else "", **env},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return programs.calls()


@pytest.mark.parametrize("target", sorted(targets()))
def test_a_target_starts_what_is_there_and_takes_its_arguments(programs: Programs, target: str) -> None:
    calls = run(programs, target)

    assert bool(calls) is (target not in START_NOTHING)
    assert [wrong for call in calls for wrong in faults(call.argv)] == []


def faults(argv: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with a command line: a module, a file or an option that there is not."""
    if "exec" in argv:
        yield from faults(argv[argv.index("exec") + 1 :])
    elif argv[1:2] == ("-m",):
        yield from faults_of_module(argv[2], argv[3:])
    if Path(argv[0]).name == "python":
        paths = (each for each in argv[1:] if each.startswith(("tests/", "charts/", "docs/")))
        yield from (f"{path} is not there" for path in paths if not (ROOT / path).exists())


def faults_of_module(name: str, arguments: tuple[str, ...]) -> Iterator[str]:
    if find_spec(name) is None:
        yield f"{name} is no module"
        return
    if name.partition(".")[0] in {"backend", "jobs", "runbooks"} and ".sandbox" not in name:
        is_package = (ROOT / name.replace(".", "/")).is_dir()
        module = importlib.import_module(f"{name}.__main__" if is_package else name)
        parser: Callable[[], argparse.ArgumentParser] = vars(module)["_parser"]
        try:
            parser().parse_args(arguments)
        except SystemExit:
            yield f"{name} does not take {' '.join(arguments)}"


def test_a_command_that_does_not_exist_is_noticed() -> None:
    there = ("python", "-m", "backend.backups", "check", "backup-1")
    assert list(faults(there)) == []
    assert list(faults(("python", "-m", "backend.backups", "chekc"))) == [
        "backend.backups does not take chekc"
    ]
    assert list(faults(("python", "-m", "pytest", "tests/gone"))) == ["tests/gone is not there"]
    assert list(faults(("python", "-m", "backend.gone"))) == ["backend.gone is no module"]


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("restore-db", {"NAME": ""}),
        ("restore-db", {"EMAIL": ""}),
        ("rotate-openai-key", {"EMAIL": ""}),
        ("restore-offline", {"CONFIRM": "backup-2"}),
        ("backup-check", {"NAME": ""}),
        ("restore-undo", {"RUN": ""}),
        ("usage-show", {"DAY": ""}),
        ("kubeconfig", {"KUBECONFIG_B64": ""}),
        ("image-name", {"REGISTRY": ""}),
    ],
)
def test_a_target_without_its_values_says_which_and_does_nothing(
    programs: Programs, target: str, names: dict[str, str]
) -> None:
    done = programs.make(target, f"BIN={programs.folder}", **{**GIVEN, "KUBECONFIG": "unused", **names})

    assert done.returncode != 0
    assert next(iter(names)) in done.stdout
    assert programs.calls() == []


@pytest.mark.parametrize(
    "target",
    ["smoke", "restore-db", "restore-offline", "k8s-status", "image-name", "logs", "release-publish"],
)
def test_a_value_is_never_taken_for_a_command(programs: Programs, target: str, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    hostile = f"x'\"; touch {planted}; $(touch {planted}) `touch {planted}`"
    values = dict.fromkeys(
        ("URL", "NAME", "CONFIRM", "RELEASE", "NAMESPACE", "PART", "REGISTRY", "TAG", "NOTES"), hostile
    )

    programs.make(target, f"BIN={programs.folder}", **{**GIVEN, **values})
    programs.calls()

    assert not planted.exists()


def test_the_kubeconfig_is_written_for_its_owner_alone(programs: Programs) -> None:
    run(programs, "kubeconfig")

    written = programs.folder / "kubeconfig"
    assert written.read_text() == "{}\n"
    assert written.stat().st_mode & 0o077 == 0
