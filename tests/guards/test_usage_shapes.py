"""The manual's table of usage as providers send it is the table of the tests, row by row, in both languages."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from backend.telemetry.told_usage import Usage
from tests.unit.telemetry.test_told_usage import MISSING, PARTLY, WHOLE

DOCS = Path(__file__).parents[2] / "docs"
_ROW = re.compile(r"^\| (.+) \| `(.+)` \| `(.+)` \|$", re.MULTILINE)
_LONG_NUMBER = re.compile(r"10{30,}")


def shape(usage: object) -> str:
    """The usage as it stands on the wire; a number that nobody would read to its end as its power of ten."""
    told = json.dumps(usage, ensure_ascii=False)
    return _LONG_NUMBER.sub(lambda found: f"1e{len(found[0]) - 1}", told)


def counted(usage: Usage | None) -> str:
    """The tokens of prompt, cached prompt and completion that are counted."""
    if usage is None:
        return "missing"
    told = f"{usage.prompt} + {usage.cached_prompt} + {usage.completion}"
    return told if usage.is_whole else f"{told}, missing"


def expected() -> list[tuple[str, str, str]]:
    """Sender, shape and count of each case of the tests, in their order."""

    def row(case: Sequence[object], name: object, usage: Usage | None) -> tuple[str, str, str]:
        return str(name), shape(case[0]), counted(usage)

    return [
        *(row(each.values, each.id, each.values[1]) for each in [*WHOLE, *PARTLY]),  # type: ignore[arg-type]  # as the table has it
        *(row(each.values, each.id, None) for each in MISSING),
    ]


@pytest.mark.parametrize("lang", ["en", "fa"])
def test_the_manual_shows_every_shape_that_the_tests_prove(lang: str) -> None:
    rows = _ROW.findall((DOCS / lang / "usage.md").read_text(encoding="utf-8"))

    assert [row[1:] for row in rows] == [row[1:] for row in expected()]
    if lang == "en":
        assert [row[0] for row in rows] == [row[0] for row in expected()]
