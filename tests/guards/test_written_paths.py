"""The papers name files that are there."""

import re

import pytest

from tests.guards.rules import ROOT

PAPERS = (
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "README.md",
    "docs/debugging.md",
    "docs/operation.md",
    "docs/style.md",
    "docs/trouble.md",
)
PATH = re.compile(r"`((?:backend|portal|jobs|tests|assets|docs)/[\w./-]*)`|\]\(([\w./-]+\.md)\)")

# The first line of an example that a paper shows: the file that a reader makes of it.
SHOWN = re.compile(r"^```\w+ (\S+)$", re.MULTILINE)


def missing(paper: str, text: str) -> list[str]:
    """Paths and links that lead to nothing, from the folder of a paper; what the paper itself shows is there."""
    shown = set(SHOWN.findall(text))
    found = [(path, link) for path, link in PATH.findall(text) if path not in shown]
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


def test_a_file_that_the_paper_shows_is_there() -> None:
    example = "`backend/hello/types.py`\n```python backend/hello/types.py\n```\n"

    assert missing("README.md", example) == []
    assert missing("README.md", example.replace("```python ", "```text ./")) == ["backend/hello/types.py"]
