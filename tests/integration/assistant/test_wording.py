"""Alerts are worded by a model once, within a budget, and whatever it does, nothing unproven is shown."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from backend.actor import Role
from backend.assistant import rules, service
from backend.assistant.types import WordingReason
from backend.config import settings
from backend.db.engine import transaction
from backend.errors import Forbidden
from backend.i18n.catalog import Lang
from tests import factories
from tests.integration.assistant.conftest import Reader, alert
from tests.waiting import until


def calls() -> list[tuple[int, bool | None]]:
    """Tokens and failure of each question, in order."""
    with transaction() as connection:
        rows = connection.execute(text("SELECT tokens, failed FROM assistant_call ORDER BY id"))
        return [(row.tokens, row.failed) for row in rows]


def let_time_pass(**span: float) -> None:
    """Make everything that is stored older."""
    with transaction() as connection:
        connection.execute(text("UPDATE assistant_call SET at = at - :span"), {"span": timedelta(**span)})
        connection.execute(
            text("UPDATE alert_wording SET good_until = good_until - :span"), {"span": timedelta(**span)}
        )


def counted(source: str, reason: str) -> float:
    return REGISTRY.get_sample_value("alert_summary_total", {"source": source, "reason": reason}) or 0


@pytest.mark.parametrize(("lang", "said"), [("en", "15:35"), ("fa", "کاربران")])
def test_alerts_are_worded_group_by_group_in_the_readers_language(
    reader: Reader, lang: Lang, said: str
) -> None:
    alerts = [alert(1), alert(2), alert(3, 2, "HighLatency", service="ingest")]
    before = counted("llm", "worded")

    assert reader.read(alerts, lang).reason is WordingReason.WAITING
    found = reader.read_on(alerts, lang)

    assert (found.reason, [each.numbers for each in found.groups]) == (WordingReason.WORDED, [(1, 2), (3,)])
    assert said in found.groups[0].text
    assert counted("llm", "worded") == before + 1


def test_the_same_alerts_are_asked_about_once_by_many_readers_until_they_change(reader: Reader) -> None:
    with ThreadPoolExecutor(8) as tabs:
        list(tabs.map(lambda _: reader.read(), range(24)))
    reader.read_on()
    reader.read_on([alert(fingerprint="f1", started_at=alert().started_at)])

    assert len(calls()) == 1
    reader.read_on([alert(is_muted=True)])
    assert len(calls()) == 2
    let_time_pass(minutes=15)
    reader.read_on()
    assert len(calls()) == 3


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("429", WordingReason.RATE_LIMITED),
        ("401", WordingReason.KEY_REFUSED),
        ("500", WordingReason.UNREACHABLE),
        ("400", WordingReason.UNREADABLE),
        ("delay", WordingReason.TIMEOUT),
        ("html", WordingReason.UNREADABLE),
        ("empty", WordingReason.EMPTY),
        ("declines", WordingReason.DECLINED),
        ("cut_short", WordingReason.UNREADABLE),
        ("misshaped", WordingReason.UNREADABLE),
        ("invents", WordingReason.REJECTED),
    ],
)
def test_whatever_goes_wrong_there_is_a_reason_and_not_a_word_of_the_provider(
    reader: Reader,
    fault: str,
    reason: WordingReason,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("backend.clients.openai.TIMEOUT_S", 0.3)
    reader.vendor.fail(fault, seconds=5)
    before = counted("fallback", reason)

    found = reader.read_on()

    assert (found.reason, found.groups) == (reason, ())
    assert counted("fallback", reason) == before + 1
    assert "sk-sand" not in caplog.text
    assert [failed for _, failed in calls()] == [reason is not WordingReason.REJECTED]


def test_after_three_failures_the_model_is_left_alone_for_five_minutes(reader: Reader) -> None:
    reader.vendor.fail("500")
    for number in range(1, 4):
        assert reader.read_on([alert(number)]).reason is WordingReason.UNREACHABLE
    reader.vendor.heal()

    before = counted("fallback", "resting")
    assert {reader.read([alert(4)]).reason for _ in range(3)} == {WordingReason.RESTING}
    assert counted("fallback", "resting") == before + 1
    let_time_pass(minutes=5)

    assert reader.read_on([alert(4)]).reason is WordingReason.WORDED
    assert reader.read_on([alert(5)]).reason is WordingReason.WORDED


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("OPENAI_CALLS_PER_HOUR", WordingReason.BUDGET_CALLS),
        ("OPENAI_TOKENS_PER_DAY", WordingReason.BUDGET_TOKENS),
    ],
)
def test_a_spent_budget_is_looked_at_before_the_question(
    reader: Reader, setting: str, reason: WordingReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.read_on()
    [(tokens, _)] = calls()
    monkeypatch.setenv(setting, "1" if reason is WordingReason.BUDGET_CALLS else str(tokens + 2_000))
    settings.cache_clear()

    assert reader.read([alert(2)]).reason is reason
    assert len(calls()) == 1
    let_time_pass(hours=25)

    monkeypatch.setenv(setting, "1" if reason is WordingReason.BUDGET_CALLS else "20000")
    settings.cache_clear()
    assert reader.read_on([alert(2)]).reason is WordingReason.WORDED


def test_tokens_are_those_that_the_provider_counted_under_our_own_label(
    reader: Reader, own_model: str
) -> None:
    reader.read_on()

    [(tokens, failed)] = calls()
    assert (tokens, failed) == (reader.vendor.tokens_of("docuchat-portal-internal", own_model), False)


@pytest.mark.parametrize("fault", ["delay", "500", "429"])
def test_a_question_is_put_once_so_that_each_that_may_be_charged_is_in_the_budget(
    reader: Reader, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"sk-sandbox-{uuid4().hex}"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    settings.cache_clear()
    monkeypatch.setattr("backend.clients.openai.TIMEOUT_S", 0.3)
    reader.vendor.fail(fault, seconds=1)

    reader.read_on()

    assert (reader.vendor.keys().count(key), [failed for _, failed in calls()]) == (1, [True])


def test_the_provider_is_told_data_and_may_keep_call_or_add_nothing(reader: Reader) -> None:
    reader.read_on()

    asked = reader.vendor.newest()
    told = asked["text"]["format"]
    group = told["schema"]["$defs"]["GroupAnswer"]
    assert (asked["store"], asked["model"], asked["max_output_tokens"]) == (False, "gpt-5-mini", 2_000)
    assert asked.keys().isdisjoint({"tools", "temperature", "metadata"})
    assert (told["type"], told["strict"], group["additionalProperties"]) == ("json_schema", True, False)
    assert [group["properties"][name]["maxLength"] for name in ("title", "text")] == [120, 400]
    assert json.loads(asked["input"])["groups"][0]["alerts"][0]["facts"]["pod"] == "api-1"


def test_without_a_key_or_an_alert_nobody_is_asked(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    assert reader.read([]).reason is WordingReason.OFF
    monkeypatch.setenv("OPENAI_API_KEY", "")
    settings.cache_clear()

    assert reader.read().reason is WordingReason.OFF
    assert calls() == []


def test_a_key_from_a_file_is_read_for_every_question(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(path))
    settings.cache_clear()
    assert reader.read().reason is WordingReason.OFF

    for number, key in enumerate(("first\n", "second\n"), 1):
        path.write_text(key)
        assert reader.read_on([alert(number)]).reason is WordingReason.WORDED

    assert reader.vendor.keys()[-2:] == ["first", "second"]


def test_who_died_with_a_question_blocks_nobody_for_long(reader: Reader) -> None:
    reader.vendor.fail("delay", seconds=1)
    assert reader.read().reason is WordingReason.WAITING
    let_time_pass(seconds=rules.ASKED_FOR.total_seconds())

    assert reader.read().reason is WordingReason.WAITING
    until(lambda: [failed for _, failed in calls()] == [False, False])


def test_only_staff_read_wordings_and_only_processes_tidy_up(reader: Reader) -> None:
    with pytest.raises(Forbidden):
        service.wording(factories.actor(Role.TENANT_ADMIN), [alert()], "en")
    with pytest.raises(Forbidden):
        service.forget_old(reader.actor)


def test_old_questions_and_wordings_are_forgotten(reader: Reader) -> None:
    reader.read_on()
    let_time_pass(days=2)
    reader.read_on([alert(2)])

    assert service.forget_old(factories.PROCESS) == 2
    assert len(calls()) == 1
