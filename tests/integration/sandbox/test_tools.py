"""What is missing is named in a sentence, and what was built is not built twice."""

import json
from pathlib import Path

import pytest

from backend.sandbox import frontend, neighbours, sources, tools
from backend.sandbox.processes import SandboxError
from backend.sandbox.trials import first_that_works


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which nothing is on PATH and nothing was fetched yet."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(tools, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(tools, "UNPACKED", tmp_path / "tools" / "debian")
    monkeypatch.setattr(tools, "BREW_FOLDERS", ())
    monkeypatch.setattr(tools, "MAC_CHROMES", ())
    monkeypatch.setattr(tools, "PLAYWRIGHTS_OWN", tmp_path / "tools" / "executable")
    (tmp_path / "tools").mkdir()
    return tmp_path / "bin"


def test_missing_monitoring_is_named(bare_machine: Path) -> None:
    with pytest.raises(
        SandboxError, match=r"Prometheus and Alertmanager are missing\. Install .* there is no brew"
    ):
        tools.monitoring()


ONLY_TELLS_ITS_VERSION = '#!/bin/sh\ntest "$1" = --version\n'


def put(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)
    return folder / name


def test_a_program_that_starts_is_taken_and_one_that_only_tells_its_version_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = tools.monitoring()
    on_path, fetched = tmp_path / "bin", tmp_path / "tools" / "debian"
    monkeypatch.setenv("PATH", str(on_path))
    monkeypatch.setattr(tools, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(tools, "UNPACKED", fetched)
    monkeypatch.setattr(tools, "BREW_FOLDERS", ())
    for name in ("prometheus", "promtool", "alertmanager"):
        put(on_path, name, ONLY_TELLS_ITS_VERSION)
        put(fetched / "usr" / "bin", name, f'#!/bin/sh\nexec {getattr(real, name)} "$@"\n')
    templates = real.alertmanager.parent.parent / "share"
    if templates.is_dir():
        (fetched / "usr" / "share").symlink_to(templates)

    assert tools.monitoring().alertmanager == fetched / "usr" / "bin" / "alertmanager"
    assert tools.monitoring().prometheus == fetched / "usr" / "bin" / "prometheus"
    assert tools.monitoring().promtool == fetched / "usr" / "bin" / "promtool"


def test_a_program_is_tried_again_only_after_its_file_has_changed(tmp_path: Path) -> None:
    program, memory = put(tmp_path, "program", "one"), tmp_path / "tried.json"
    tried: list[Path] = []

    def trial(path: Path) -> bool:
        tried.append(path)
        return True

    assert first_that_works([program], trial, memory) == program
    assert first_that_works([program], trial, memory) == program
    assert len(tried) == 1

    program.write_text("another")
    assert first_that_works([program], trial, memory) == program
    assert len(tried) == 2


def test_a_program_that_failed_is_tried_again(tmp_path: Path) -> None:
    program, memory = put(tmp_path, "program", "one"), tmp_path / "tried.json"

    assert first_that_works([program], lambda _: False, memory) is None
    assert first_that_works([program], lambda _: True, memory) == program


def test_a_redis_that_only_tells_its_version_is_not_taken(bare_machine: Path) -> None:
    put(bare_machine, "redis-server", ONLY_TELLS_ITS_VERSION)

    with pytest.raises(SandboxError, match=r"redis-server is missing\. Install it"):
        neighbours.redis_server()


def test_a_chromium_that_shows_no_page_is_not_taken(bare_machine: Path) -> None:
    put(bare_machine, "chromium", ONLY_TELLS_ITS_VERSION)
    assert tools._find_chromium() is None

    shows_all = put(bare_machine, "google-chrome", '#!/bin/sh\nfor each; do echo "$each"; done\n')
    assert tools._find_chromium() == shows_all


def test_bun_is_the_pinned_one() -> None:
    link = tools.bun()

    assert link.name == "bun"
    assert link.resolve().is_relative_to(tools.TOOLS.resolve())


def test_axe_is_the_pinned_one() -> None:
    manifest = json.loads((tools.AXE_MANIFESTS / "package.json").read_text())

    assert f"axe v{manifest['dependencies']['axe-core']}" in tools.axe_core().read_text()[:200]


def test_only_a_changed_source_asks_for_a_new_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sources, "REPOSITORY", tmp_path)
    page = tmp_path / "portal" / "usage" / "page.py"
    page.parent.mkdir(parents=True)
    page.write_text("a = 1")
    before = sources.fingerprint(*frontend.SOURCES)

    page.touch()
    (tmp_path / "README.md").write_text("no source")
    assert sources.fingerprint(*frontend.SOURCES) == before

    page.write_text("a = 2")
    assert sources.fingerprint(*frontend.SOURCES) != before
