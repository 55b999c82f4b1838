"""What a job writes down as its outcome is told to people in their own words."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from jobs.registry import JOBS
from portal.job_words import COUNTED

JOB_FILES = sorted({Path(inspect.getfile(job.run)) for job in JOBS})
COUNT = re.compile(r"0 ([a-z][a-z ]*)")


def counted(source: str) -> set[str]:
    """Names that follow a number in the texts of a job: ``f"{n} old rows"`` counts ``old_rows``."""
    found = set()
    statements = (each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Return | ast.Assign))
    for node in (part for each in statements for part in ast.walk(each)):
        match node:
            case ast.JoinedStr(values=parts):
                texts = [part.value if isinstance(part, ast.Constant) else "0" for part in parts]
                said = "".join(map(str, texts))
            case ast.Constant(value=str() as said):
                said = re.sub(r"^[0-9]+", "0", said)
            case _:
                continue
        found |= {name.strip().replace(" ", "_") for name in COUNT.findall(said)}
    return found


@pytest.mark.parametrize("path", JOB_FILES, ids=lambda path: path.stem)
def test_whatever_a_job_counts_has_a_sentence(path: Path) -> None:
    assert counted(path.read_text()) - set(COUNTED) == set()


def test_every_counted_word_is_one_that_some_job_writes() -> None:
    written = set().union(*(counted(path.read_text()) for path in JOB_FILES))
    assert set(COUNTED) - written == set()
