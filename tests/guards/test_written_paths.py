"""The papers name files that are there."""

import re

import pytest

from tests.guards.rules import ROOT

PAPERS = ("ARCHITECTURE.md", "README.md", "docs/operation.md", "docs/style.md", "docs/trouble.md")
PATH = re.compile(r"`((?:backend|portal|jobs|tests|assets|docs)/[\w./-]*)`|\]\(([\w./-]+\.md)\)")


def missing(paper: str, text: str) -> list[str]:
    """Paths and links that lead to nothing, from the folder of a paper."""
    found = [(path, link) for path, link in PATH.findall(text)]
    folder = (ROOT / paper).parent
    return [
        path or link
        for path, link in found
        if not ((ROOT / path).exists() if path else (folder / link).exists())
    ]


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_names_only_files_that_are_there(paper: str) -> None:
    assert missing(paper, (ROOT / paper).read_text()) == []


def test_a_path_that_leads_nowhere_is_seen() -> None:
    assert missing("README.md", "`backend/gone.py`, [x](docs/gone.md), `backend/money.py`") == [
        "backend/gone.py",
        "docs/gone.md",
    ]
