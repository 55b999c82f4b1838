"""The manual shows the very table by which the meter decides, and the way from a sample to an invoice is short."""

import ast
import re
from pathlib import Path

import pytest

from backend.usage.metering.opening_rules import RULES, IncarnationKind, OpeningPlace

ROOT = Path(__file__).parents[4]
MANUALS = ("docs/en/usage.md", "docs/fa/usage.md")
PAPERS = (*MANUALS, "ARCHITECTURE.md")
MOST_FILES = 12
NAMED = re.compile(r"`(\w+)`")


def rows_of(manual: str, columns: int) -> dict[str, list[str]]:
    """The cells of the tables of so many columns, by what their first cell names."""
    lines = (ROOT / manual).read_text().splitlines()
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines if line.startswith("| `")]
    return {NAMED.findall(row[0])[0]: row[1:] for row in cells if len(row) == columns}


def walk_of(paper: str) -> list[str]:
    """The files of the drawing that begins with a sample."""
    [drawing] = re.findall(r"```text\nsample .*?```", (ROOT / paper).read_text(), re.DOTALL)
    return re.findall(r"\S+\.py", drawing)


@pytest.mark.parametrize("manual", MANUALS)
def test_the_manual_shows_the_table_of_openings(manual: str) -> None:
    shown = rows_of(manual, 4)

    assert {
        kind: (NAMED.findall(places), NAMED.findall(zero)) for kind, (places, zero, _) in shown.items()
    } == {kind: ([*RULES[kind].places], [RULES[kind].zero]) for kind in IncarnationKind}


@pytest.mark.parametrize("manual", MANUALS)
def test_the_manual_explains_every_place(manual: str) -> None:
    flags = {place: set(NAMED.findall(flag)) for place, (_, flag) in rows_of(manual, 3).items()}

    assert flags == {
        OpeningPlace.STORED: set(),
        OpeningPlace.STORED_EARLIER: {"gap_across_boundary"},
        OpeningPlace.SCRAPED: {"cold_start"},
        OpeningPlace.FIRST_SEEN: {"cold_start", "start_time_moved"},
    }


@pytest.mark.parametrize("paper", PAPERS)
def test_a_newcomer_walks_from_a_sample_to_a_line_in_few_files(paper: str) -> None:
    walk = walk_of(paper)

    assert walk == walk_of(PAPERS[0])
    assert len(set(walk)) == len(walk) <= MOST_FILES
    assert [path for path in walk if not (ROOT / path).is_file()] == []


def imported_by(path: str) -> set[str]:
    """The modules that a file may have imported by name."""
    tree = ast.parse((ROOT / path).read_text())
    froms = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom) and each.module]
    return {f"{each.module}{name}" for each in froms for name in ("", *(f".{a.name}" for a in each.names))}


def test_each_file_of_the_walk_is_reached_from_an_earlier_one() -> None:
    """The first is scraped by Prometheus and imported by nobody on the way."""
    _, first, *rest = walk_of(PAPERS[0])
    reached = imported_by(first)

    for path in rest:
        assert path.removesuffix(".py").replace("/", ".") in reached
        reached |= imported_by(path)
