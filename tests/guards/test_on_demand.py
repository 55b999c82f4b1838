"""What is only run on demand still fits the product: a new name elsewhere breaks no bench that nobody runs that day."""

from importlib import import_module
from pathlib import Path

import pytest

from tests.guards.rules import ROOT

FOLDERS = ("bench", "mutants", "soak")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / "tests" / folder).glob("*.py"))


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=f"{path.parent.name}.{path.stem}") for path in MODULES]
)
def test_programs_that_are_run_on_demand_find_what_they_use(path: Path) -> None:
    import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
