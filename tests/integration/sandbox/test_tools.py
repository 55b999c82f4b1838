"""What is missing is named in a sentence, and what was built is not built twice."""

from pathlib import Path

import pytest

from backend.sandbox import frontend, tools
from backend.sandbox.processes import SandboxError


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which nothing is on PATH and nothing was fetched yet."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(tools, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(tools, "BREW_FOLDERS", ())
    return tmp_path / "bin"


def test_missing_monitoring_is_named(bare_machine: Path) -> None:
    with pytest.raises(
        SandboxError, match=r"Prometheus and Alertmanager are missing\. Install .* there is no brew"
    ):
        tools.monitoring()


def test_programs_on_the_path_are_taken_as_they_are(bare_machine: Path) -> None:
    for name in ("prometheus", "promtool", "alertmanager", "amtool"):
        (bare_machine / name).write_text("#!/bin/sh\n")
        (bare_machine / name).chmod(0o755)

    assert tools.monitoring().promtool == bare_machine / "promtool"


def test_a_stand_in_that_does_not_start_is_not_taken(bare_machine: Path) -> None:
    for name in ("prometheus", "promtool", "alertmanager", "amtool"):
        (bare_machine / name).write_text("#!/bin/sh\nexit 1\n")
        (bare_machine / name).chmod(0o755)

    with pytest.raises(SandboxError):
        tools.monitoring()


def test_bun_is_the_pinned_one() -> None:
    link = tools.bun()

    assert link.name == "bun"
    assert link.resolve().is_relative_to(tools.TOOLS.resolve())


def test_only_a_changed_source_asks_for_a_new_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(frontend, "REPOSITORY", tmp_path)
    page = tmp_path / "portal" / "usage" / "page.py"
    page.parent.mkdir(parents=True)
    page.write_text("a = 1")
    before = frontend._fingerprint(*frontend.SOURCES)

    page.touch()
    (tmp_path / "README.md").write_text("no source")
    assert frontend._fingerprint(*frontend.SOURCES) == before

    page.write_text("a = 2")
    assert frontend._fingerprint(*frontend.SOURCES) != before
