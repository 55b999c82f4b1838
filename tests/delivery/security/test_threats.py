"""Each threat of the threat model names what meets it and a test that exists."""

import re

import pytest

from tests.delivery.standins import ROOT

FEWEST_THREATS = 25


def threats(lang: str) -> list[list[str]]:
    """The rows of the tables, as cells."""
    lines = (ROOT / f"docs/{lang}/threat-model.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return [row for row in rows if "---" not in row[0] and row[0] not in {"threat", "تهدید"}]


def known_tests() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_every_threat_names_a_test_that_is_one(lang: str) -> None:
    known = known_tests()
    named = [re.findall(r"`(test_\w+)`", row[2]) for row in threats(lang)]

    assert len(named) >= FEWEST_THREATS
    assert [
        row for row, tests in zip(threats(lang), named, strict=True) if not tests or set(tests) - known
    ] == []


def test_both_languages_know_the_same_threats() -> None:
    tests = [[re.findall(r"`(test_\w+)`", row[2]) for row in threats(lang)] for lang in ("fa", "en")]
    assert tests[0] == tests[1]
