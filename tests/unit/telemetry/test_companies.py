import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from backend.clock import day_window
from backend.sandbox.companies import (
    CHAT_MODEL,
    COMPANIES,
    HISTORY_DAYS,
    TOKENS_PER_QUESTION,
    Company,
    Story,
    expected_tokens,
    history_start,
    rate_per_minute,
)
from backend.sandbox.docuchat_app import INSTRUCTIONS
from backend.sandbox.docuchat_traffic import poisson
from backend.sandbox.openai_words import answer_to

TODAY = date(2026, 11, 22)
SINCE = history_start(TODAY)
LAST_DAY = TODAY - timedelta(days=1)


def _day(company: Company, day: date) -> float:
    start = day_window(day).start
    return 10 * sum(
        rate_per_minute(company, start + timedelta(minutes=minute), since=SINCE)
        for minute in range(0, 1440, 10)
    )


def _only(story: Story) -> Company:
    (company,) = (company for company in COMPANIES if company.rhythm.story is story)
    return company


def test_ten_companies_have_their_own_labels_and_addresses() -> None:
    assert len({company.label for company in COMPANIES}) == 10
    assert len({company.billing_email for company in COMPANIES}) == 10
    assert len({company.admin_email for company in COMPANIES}) == 10
    assert {company.language for company in COMPANIES} == {"fa", "en"}


def test_weekends_are_quieter_where_people_rest() -> None:
    sepidar = COMPANIES[1]
    wednesday, friday = date(2026, 11, 18), date(2026, 11, 20)

    assert _day(sepidar, friday) < 0.3 * _day(sepidar, wednesday)


def test_one_grows_one_stopped_and_one_has_a_burst() -> None:
    growing, stopped, burst = _only(Story.GROWING), _only(Story.STOPPED), _only(Story.BURST)
    early, sale = SINCE + timedelta(days=3), SINCE + timedelta(days=39)

    assert _day(growing, LAST_DAY) > 3 * _day(growing, early)
    assert _day(stopped, early) > 0 == _day(stopped, LAST_DAY)
    assert _day(burst, sale) > 4 * _day(burst, sale + timedelta(days=2))
    assert sale > TODAY - timedelta(days=30)


def test_the_history_is_45_days_long() -> None:
    assert (TODAY - SINCE).days == HISTORY_DAYS == 45


def test_the_rate_is_the_sum_of_its_flows() -> None:
    now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    flows = expected_tokens(COMPANIES[0], now, since=SINCE)

    assert flows.keys() == TOKENS_PER_QUESTION.keys()
    assert sum(flows.values()) == pytest.approx(rate_per_minute(COMPANIES[0], now, since=SINCE))


def test_live_questions_cost_what_the_law_says() -> None:
    # Contexts of the lengths that the traffic draws, between 1000 and 2840 characters.
    answers = [
        answer_to(
            [INSTRUCTIONS, f"{number}" + "x" * (1000 + 60 + number % 1840)], reasons=True, most_tokens=None
        )
        for number in range(0, 40_000, 7)
    ]

    mean = {
        "prompt": sum(answer.prompt - answer.cached for answer in answers) / len(answers),
        "cached_prompt": sum(answer.cached for answer in answers) / len(answers),
        "completion": sum(answer.completion for answer in answers) / len(answers),
    }
    for kind, tokens in mean.items():
        assert tokens == pytest.approx(TOKENS_PER_QUESTION[CHAT_MODEL, kind], rel=0.05)


def test_the_dice_fall_as_often_as_expected() -> None:
    dice = random.Random(7)  # noqa: S311 - dice, not keys

    assert sum(poisson(dice, 0.7) for _ in range(20_000)) == pytest.approx(14_000, rel=0.03)
    assert poisson(dice, 0.0) == 0


def test_telemetry_needs_nothing_of_the_house() -> None:
    code = """
import sys
from backend.telemetry import exposition, metered, metered_async, metrics, middleware
print(*sorted(name for name in sys.modules if name.startswith("backend.")))
print(*sorted({"starlette", "pydantic_settings", "sqlalchemy", "httpx", "reflex"} & sys.modules.keys()))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )

    ours, foreign = answer.stdout.splitlines()
    assert all(name.startswith("backend.telemetry") for name in ours.split())
    assert foreign == ""
