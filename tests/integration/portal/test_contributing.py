"""CONTRIBUTING.md is true: a feature that is built from it, in a copy of the project, is found, guarded and works."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from backend.sandbox.site import own_environment
from tests.guards.rules import ROOT

BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LISTED = re.compile(r"^\| `([^|]+)` \|", re.MULTILINE)
VERSIONS = "backend/db/migrations/versions"
CONTRACTS = ("-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache")
BELOW = "What lies below every feature knows none, named in the layers or not"
# Those that look at every feature, and the feature's own.
TESTS = (
    "tests/guards/test_answers.py",
    "tests/guards/test_catalogue.py",
    "tests/guards/test_circles.py",
    "tests/guards/test_house.py::test_the_house_keeps_the_rule",
    "tests/guards/test_names.py",
    "tests/guards/test_papers.py::test_models_equal_migrations",
    "tests/guards/test_persian.py",
    "tests/guards/test_written_text.py",
    "tests/integration/portal/test_guard.py::test_a_handler_runs_for_its_roles_and_for_nobody_else",
    "tests/integration/portal/test_hello.py",
)
# What is asked of the copy, in a process of its own, as the portal's processes would find it.
PROBE = """
import json
from backend.i18n.catalog import LANGUAGES, text
from backend.sandbox.postgres import throwaway_home
from portal import pages
from tests.integration.portal.test_guard import may_send
from tests.own_pages import own_pages
[page] = [page for page in own_pages() if page.route == "/hello"]
handlers = {name.rpartition(".")[2]: roles for name, roles in may_send().items() if "___hello___" in name}
print(json.dumps({
    "in_bar": page in pages.named_in_bar(page.group),
    "names": [text(page.nav, lang) for lang in LANGUAGES],
    "roles": sorted(pages.roles_of_path("/hello")),
    "handlers": {name: sorted(map(str, roles)) for name, roles in handlers.items()},
    "home": str(throwaway_home()),
}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy of the project, and what was in it before anything was added."""

    folder: Path
    before: dict[str, str]

    def run(self, *command: str, fails: bool = False, **environment: str) -> str:
        """What a command of Python prints in the copy. It has to end well, or to fail."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env={**own_environment(), "PYTHONPATH": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) is fails, (
            f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        )
        return done.stdout

    def changes(self) -> tuple[set[str], set[str]]:
        """The files that are new, and those that were there and are no longer the same."""
        now = files_of(self.folder)
        return now.keys() - self.before.keys(), {
            path for path, digest in self.before.items() if now.get(path) != digest
        }


def files_of(folder: Path) -> dict[str, str]:
    """Every file of a project by its path, with a digest of its content; caches are none."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not re.search(r"/(__pycache__|\..*)/", str(path.relative_to(folder.parent)))
    }


def of_a_feature() -> str:
    """The section of CONTRIBUTING.md about a page, its handlers and its table."""
    return (ROOT / "CONTRIBUTING.md").read_text().partition("\n## A page")[2].partition("\n## ")[0]


def examples() -> dict[str, str]:
    """The files that the section shows, by path."""
    return dict(BLOCK.findall(of_a_feature()))


def listed() -> set[str]:
    """The files that the table of a feature lists; the number and name of its migration are left open."""
    rows = [re.findall(r"[\w./*]+\.\w+", row) for row in LISTED.findall(of_a_feature())]
    return {str(Path(row[0]).with_name(Path(name).name)) for row in rows for name in row}


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    """A copy of the project as it is written, with what mypy knows of it, which saves six seconds."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    if (known := ROOT / ".mypy_cache").exists():
        shutil.copytree(known, folder / known.name)
    yield Copy(folder=folder, before=files_of(folder))
    shutil.rmtree(folder)


def add(copy: Copy, files: dict[str, str]) -> None:
    """Write the files; none of them is there."""
    for path, text in files.items():
        target = copy.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x") as file:
            file.write(text)


# It takes 20 seconds of a processor: half a dozen processes one after another, which a busy machine makes wait.
@pytest.mark.timeout(900)
def test_a_feature_that_is_added_by_the_book_is_found_guarded_and_works(copy: Copy, database: str) -> None:
    files = examples()
    add(copy, files)

    copy.run("-m", "backend.db", "revise", "People of the staff say hello", DATABASE_URL=database)

    new, edited = copy.changes()
    [migration] = new - files.keys()
    assert edited == set()
    assert {path if path in files else f"{VERSIONS}/NNNN_*.py" for path in new} == listed()
    assert migration == f"{VERSIONS}/{next_number():04}_people_of_the_staff_say_hello.py"
    holds_the_rules_of_the_house(copy, new)
    found: dict[str, Any] = json.loads(copy.run("-c", PROBE, DATABASE_URL=database))
    shutil.rmtree(found.pop("home"))
    staff = ["approver", "auditor", "operator"]
    assert found == {
        "in_bar": True,
        "names": ["سلام", "Hello"],
        "roles": staff,
        "handlers": {"load": staff, "greet": staff},
    }
    assert f"{BELOW} BROKEN" in contracts_of_a_database_that_knows_the_feature(copy)


def next_number() -> int:
    return 1 + max(int(path.name[:4]) for path in (ROOT / VERSIONS).glob("0*.py"))


def holds_the_rules_of_the_house(copy: Copy, new: set[str]) -> None:
    """Lint, types, contracts, guards, models against migrations, each handler for each role, and the feature's test."""
    code = [path for path in new if path.endswith(".py")]
    copy.run("-m", "ruff", "format", "--check", *code)
    copy.run("-m", "ruff", "check", *code)
    copy.run(*CONTRACTS)
    copy.run("-m", "mypy", "--no-error-summary", "backend/hello", "portal/features/hello")
    copy.run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTS)


def contracts_of_a_database_that_knows_the_feature(copy: Copy) -> str:
    below = copy.folder / "backend/db/search.py"
    below.write_text(f"from backend.hello import service\n{below.read_text()}")
    return copy.run(*CONTRACTS, fails=True)
