"""CONTRIBUTING.md is true: an action that is built from it is found, whole, and runs."""

import importlib
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.actor import Actor
from backend.i18n import catalog
from runbooks import actions, registry
from tests.guards import test_actions, test_runbooks
from tests.guards.rules import ROOT

NAME = "prove_audit"
BLOCK = re.compile(r"^```\w+ (\S*prove_audit\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Five lines say where, 30 what it is, and the rest is empty or imports.
LONGEST_LINES = 45


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the files of the page, where the registry, the catalogue and the guards look, too."""
    for path, text in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    folder = tmp_path / "runbooks" / "actions"
    monkeypatch.setattr(actions, "__path__", [*actions.__path__, str(folder)])
    monkeypatch.setattr(catalog, "_folders", [*catalog._folders, folder])
    monkeypatch.setattr(test_actions, "PAGES", tmp_path / "runbooks" / "pages")
    monkeypatch.setattr(test_actions, "text_of_tests", lambda: own_test(tmp_path).read_text(encoding="utf-8"))
    monkeypatch.setattr(test_runbooks, "PAGES", tmp_path / "runbooks" / "pages")
    forget()
    yield tmp_path
    sys.modules.pop(f"{actions.__name__}.{NAME}")
    monkeypatch.undo()
    forget()


def forget() -> None:
    """Let registry, catalogue and guards look anew."""
    registry.actions.cache_clear()
    catalog.sentences.cache_clear()
    test_runbooks.source.cache_clear()


def own_test(built: Path) -> Path:
    return built / "tests" / "integration" / "runbooks" / f"test_{NAME}.py"


def holds_the_rules_of_ruff(path: Path, name: str) -> None:
    """Format and lint a file as if it stood in the project."""
    for command in (["format", "--check"], ["check"]):
        asked = [sys.executable, "-m", "ruff", *command, "--quiet", f"--stdin-filename={name}", "-"]
        subprocess.run(asked, input=path.read_bytes(), cwd=ROOT, check=True, capture_output=True)


def test_an_action_that_is_added_by_the_book_is_found_whole_and_runs(built: Path, operator: Actor) -> None:
    action = registry.actions()[NAME]

    assert test_actions.lacks(action) == []
    for lang in catalog.LANGUAGES:
        test_runbooks.test_a_runbook_has_its_four_parts_and_fits_on_a_phone(NAME, lang)
        test_runbooks.test_what_a_runbook_names_is_there(NAME, lang)
    test_runbooks.test_the_persian_page_is_written_as_persian_is_written(NAME)
    code = (built / "runbooks" / "actions" / f"{NAME}.py").read_text(encoding="utf-8")
    assert len(code.splitlines()) <= LONGEST_LINES
    for path in built.rglob("*.py"):
        holds_the_rules_of_ruff(path, str(path.relative_to(built)))
    spec = importlib.util.spec_from_file_location("of_contributing", own_test(built))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.test_a_noted_head_is_proved_and_an_unknown_one_is_not(operator)
