"""The operators' handbook tells in both languages when each daily job runs."""

import re

import pytest

from jobs.registry import JOBS
from jobs.runs import Job
from tests.guards.rules import ROOT

_ROW = re.compile(r"^\| (\d\d):(\d\d) \|", re.MULTILINE)
_LATIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789")


def time_of(job: Job) -> tuple[str, str]:
    """Hour and minute at which a job runs each day; a star where it runs more often."""
    fields = {each.name: str(each) for each in getattr(job.trigger, "fields", ())}
    return fields.get("hour", "*"), fields.get("minute", "*")


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_the_handbook_tells_when_each_daily_job_runs(lang: str) -> None:
    page = (ROOT / f"docs/{lang}/operators.md").read_text(encoding="utf-8").translate(_LATIN)
    told = {(str(int(hour)), str(int(minute))) for hour, minute in _ROW.findall(page)}

    assert told == {time for time in map(time_of, JOBS) if time[0] != "*"}
