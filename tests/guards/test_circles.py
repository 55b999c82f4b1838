"""No modules import each other in a circle, wherever in a file the imports stand."""

from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

from tests.guards.rules import PRODUCTION


def circle(*packages: str) -> list[str]:
    """The first circle of modules, from one module back to itself; imports in functions and for types count, too."""
    graph = grimp.build_graph(*packages, exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_modules_import_each_other() -> None:
    assert circle(*PRODUCTION) == []


def test_a_circle_that_a_function_and_a_type_hide_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ring"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "one.py").write_text("def f():\n    from ring.two import g\n")
    (folder / "two.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ring.one import f\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    assert set(circle("ring")) == {"ring.one", "ring.two"}
