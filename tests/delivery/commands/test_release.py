"""The next version comes from what commits say to people, and nothing is written unless it is asked for."""

import os
import subprocess
from datetime import date
from pathlib import Path

import pytest

from delivery import release
from delivery.release_rules import Change, Effect, Version, next_version, notes

FIX = Change(subject="usage: count a day once")
ADD = Change(subject="pages: a new one", told=((Effect.ADDS, "Companies see their receipts."),))
BREAK = Change(subject="doors: v2", told=((Effect.BREAKS, "Pipelines send a key."),))


@pytest.mark.parametrize(
    ("last", "changes", "expected"),
    [
        ("v1.4.2", [FIX], "v1.4.3"),
        ("v1.4.2", [FIX, ADD], "v1.5.0"),
        ("v1.4.2", [BREAK, ADD, FIX], "v2.0.0"),
        ("v0.4.2", [BREAK], "v0.5.0"),
        ("v0.4.2", [ADD], "v0.5.0"),
        ("v0.4.2", [FIX], "v0.4.3"),
        ("v1.9.9", [ADD], "v1.10.0"),
    ],
)
def test_the_greatest_effect_decides_the_version(last: str, changes: list[Change], expected: str) -> None:
    version = Version.of_tag(last)
    assert version is not None
    assert next_version(version, changes).tag == expected


@pytest.mark.parametrize(
    "tag", ["1.4.0", "v1.4", "v01.4.0", "v1.4.0-rc1", "v1.4.0+b", "v1.4.x", "v۱.۴.۰", ""]
)
def test_a_tag_that_is_no_version_is_none(tag: str) -> None:
    assert Version.of_tag(tag) is None


def test_notes_say_first_what_people_must_do() -> None:
    assert notes(Version(2, 0, 0), date(2026, 11, 28), [FIX, ADD, BREAK]) == (
        "## 2.0.0 (2026-11-28)\n\n"
        "### Breaks\n\n- Pipelines send a key.\n\n"
        "### Adds\n\n- Companies see their receipts.\n\n"
        "### Also changed\n\n- usage: count a day once\n"
    )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of its own, with its first release and two commits after it."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    git("config", "user.name", "Sara Mohammadi")
    git("config", "user.email", "sara@example.com")
    commit("portal: begin")
    git("tag", "v1.0.0")
    commit("usage: count a day once", "It was counted twice at midnight.\n\nFixes: A day is counted once.")
    commit("pages: receipts", "Adds: Companies see\n their receipts.\nAdds: Staff see them, too.")
    return tmp_path


def git(*argv: str) -> str:
    return subprocess.run(["git", *argv], capture_output=True, text=True, check=True).stdout.strip()


def commit(subject: str, body: str = "") -> None:
    git("commit", "--quiet", "--allow-empty", "--message", subject, *(["--message", body] if body else []))


def test_the_next_release_is_shown_and_nothing_is_written(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.main(["next"]) == 0

    told = capsys.readouterr().out
    assert "## 1.1.0" in told
    assert (
        "- Companies see their receipts.\n- Staff see them, too.\n\n### Fixes\n\n- A day is counted once."
        in told
    )
    assert git("tag") == "v1.0.0"
    assert repository.exists()


def test_a_release_that_is_asked_for_is_a_tag_with_its_notes(repository: Path) -> None:
    assert release.main(["next", "--apply"]) == 0
    assert git("tag").split() == ["v1.0.0", "v1.1.0"]
    assert "### Adds" in git("tag", "--list", "--format=%(contents)", "v1.1.0")

    assert release.main(["next"]) == 1, "nothing has changed since"
    (repository / "left.txt").write_text("not committed")
    commit("usage: more")
    assert release.main(["next", "--apply"]) == 1


def test_a_tag_gets_its_notes_and_one_that_says_too_little_is_refused(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTES", str(repository / "notes.md"))
    for tag, code in (("v1.1.0", 0), ("v1.0.1", 1), ("latest", 1)):
        git("tag", tag)
        monkeypatch.setenv("TAG", tag)
        assert release.main(["notes"]) == code

    assert "they make v1.1.0" in capsys.readouterr().err
    assert "- A day is counted once." in (repository / "notes.md").read_text()
    monkeypatch.delenv("TAG")
    assert release.main(["notes"]) == 2


def test_the_first_release_is_0_1_0(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git("tag", "--delete", "v1.0.0")
    assert release.main(["next"]) == 0
    assert "## 0.1.0" in capsys.readouterr().out
    assert repository.exists()
