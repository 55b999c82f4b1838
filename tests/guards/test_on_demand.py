"""What is only run on demand still fits the product: a new name elsewhere breaks no bench that nobody runs that day."""

from importlib import import_module
from pathlib import Path, PurePath

import pytest

from tests.guards.rules import ROOT
from tests.mutants.__main__ import mutated_under

FOLDERS = ("bench", "mutants", "soak")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / "tests" / folder).glob("*.py"))


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=f"{path.parent.name}.{path.stem}") for path in MODULES]
)
def test_programs_that_are_run_on_demand_find_what_they_use(path: Path) -> None:
    import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def test_mutants_of_a_folder_are_those_of_its_files_and_of_no_other() -> None:
    every, some = mutated_under(ROOT, PurePath()), mutated_under(ROOT, PurePath("backend/usage/metering"))

    assert some == [file for file in every if file.startswith("backend/usage/metering/")]
    assert "backend/usage/metering/meter.py" in some
    assert mutated_under(ROOT, PurePath("backend/usage/service.py")) == ["backend/usage/service.py"]


def test_mutants_of_a_folder_without_mutated_files_are_refused() -> None:
    with pytest.raises(SystemExit, match="backend/usages"):
        mutated_under(ROOT, PurePath("backend/usages"))
