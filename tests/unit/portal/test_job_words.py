"""Schedules and outcomes of jobs in both languages."""

import pytest

from backend.i18n.catalog import Lang, sentences
from backend.job_runs.types import Schedule
from portal.job_words import outcome_words, schedule_words


@pytest.mark.parametrize(
    ("schedule", "fa", "en"),
    [
        pytest.param(Schedule(job="x", every_s=5), "هر ۵ ثانیه", "Every 5 s", id="seconds"),
        pytest.param(
            Schedule(job="x", name="catch_up", every_s=900),
            "هر ۱۵ دقیقه، اگر نوبتی جا مانده باشد",
            "Every 15 min, if something was missed",
            id="what was missed",
        ),
        pytest.param(Schedule(job="x", every_s=900), "هر ۱۵ دقیقه", "Every 15 min", id="minutes"),
        pytest.param(
            Schedule(job="x", minute=5), "هر ساعت، در دقیقهٔ ۰۵", "Every hour, at minute 05", id="hourly"
        ),
        pytest.param(
            Schedule(job="x", hour=3, minute=0), "هر روز ساعت ۰۳:۰۰", "Every day at 03:00", id="daily"
        ),
        pytest.param(
            Schedule(job="x", weekday=5, hour=9, minute=30),
            "هر شنبه ساعت ۰۹:۳۰",
            "Every Saturday at 09:30",
            id="weekly",
        ),
    ],
)
def test_a_schedule_is_told_in_words(schedule: Schedule, fa: str, en: str) -> None:
    assert (schedule_words(schedule, "fa"), schedule_words(schedule, "en")) == (fa, en)


@pytest.mark.parametrize(
    ("outcome", "lang", "expected"),
    [
        pytest.param("3 sent, 1 failed", "fa", "۳ ایمیل فرستاده شد، ۱ شکست‌خورده", id="counts"),
        pytest.param(
            "2026-11-22: 1200 issued, 1 held",
            "fa",
            "۱ آذر ۱۴۰۵: ۱٬۲۰۰ صادرشده، ۱ در انتظار بازبینی",
            id="a day",
        ),
        pytest.param(
            "2026-11-21: 2 issued; 2026-11-22: unavailable.zibal",
            "en",
            f"21 Nov 2026: 2 issued; 22 Nov 2026: {sentences('en')['error.unavailable.zibal']}",
            id="a reason of one of several days",
        ),
        pytest.param("", "en", "Nothing to do", id="nothing"),
        pytest.param(
            "interrupted",
            "en",
            "Its process ended before the job did. The next run does what is left.",
            id="interrupted",
        ),
        pytest.param(
            "unknown",
            "en",
            "A fault of the program ended it; the log of the jobs process has the details. The next run tries again.",
            id="a bug",
        ),
        pytest.param("12 apples", "en", "12 apples", id="a word that the catalogue does not know"),
        pytest.param("Went <b>well</b>", "fa", "Went <b>well</b>", id="free words"),
        pytest.param("no_such_reason.at.all", "en", "no_such_reason.at.all", id="an unknown reason"),
    ],
)
def test_an_outcome_is_told_in_words(outcome: str, lang: Lang, expected: str) -> None:
    assert outcome_words(outcome, lang) == expected
