"""Where figures go: a table on the terminal, and ``.local/bench.json`` for whoever compares."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backend.sandbox.tools import LOCAL

FILE = LOCAL / "bench.json"

Figures = dict[str, dict[str, Any]]


def keep(figures: Figures, file: Path = FILE) -> None:
    """Write figures beside those of other benches; a figure measured again replaces the old one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    known: Figures = json.loads(file.read_text()) if file.exists() else {}
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(known | figures, indent=1, sort_keys=True) + "\n")
    draft.rename(file)


def say(sentence: str) -> None:
    """A sentence for the person who waits."""
    print(sentence, flush=True)  # noqa: T201 - a bench speaks to its terminal


def say_table(rows: list[Mapping[str, object]]) -> None:
    """Rows with the same keys, as an aligned table."""
    if not rows:
        return
    table = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        say("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
