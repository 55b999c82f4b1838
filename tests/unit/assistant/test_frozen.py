"""The frozen evaluation: sets of alerts with recorded answers of models, honest, wrong and hostile.

`frozen.json` holds, for each set, the alerts as they fire and answers of each kind. Nothing here asks a model.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.alerts.group_rules import groups_of
from backend.alerts.numbered_rules import MOST_ALERTS, numbered
from backend.alerts.summary_rules import summary_of
from backend.alerts.types import AlertGroup, Firing, FiringId, Muting, Severity
from backend.assistant.input_rules import meanings_of
from backend.assistant.types import WordedGroup
from backend.assistant.validator_rules import refusal_of

SETS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("frozen.json").read_text())
START = datetime(2026, 11, 28, 12, tzinfo=UTC)


def groups_in(frozen: Mapping[str, Any]) -> tuple[AlertGroup, ...]:
    """The groups that our own rules make of a set."""
    return groups_of(firing(number, given) for number, given in enumerate(frozen["alerts"], 1))


def firing(number: int, given: Mapping[str, Any]) -> Firing:
    inhibited = (f"f{given['inhibited_by']:03}",) if given["inhibited_by"] else ()
    return Firing(
        id=FiringId(number),
        fingerprint=f"f{number:03}",
        name=given["name"],
        severity=Severity(given["severity"]),
        service=given["service"],
        labels={"alertname": given["name"], "service": given["service"], **given["labels"]},
        annotations=given["annotations"],
        started_at=START + timedelta(minutes=given["at_min"]),
        seen_at=START,
        muting=Muting(inhibited_by=inhibited, silenced_by=("s",) if given["is_silenced"] else ()),
    )


def is_accepted(frozen: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    alerts, lang = numbered(groups_in(frozen)), frozen["lang"]
    worded = [
        WordedGroup(numbers=tuple(each["ids"]), title=each["title"], text=each["text"])
        for each in answer["groups"]
    ]
    return refusal_of(alerts, meanings_of(alerts, lang), worded, lang) is None


def answers(kind: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    return ((frozen, each) for frozen in SETS for each in frozen["answers"] if each["kind"] == kind)


def test_the_sets_are_many_and_of_every_kind() -> None:
    assert len(SETS) >= 30
    assert len({frozen["name"] for frozen, _ in answers("hostile")}) >= 10
    assert {frozen["lang"] for frozen in SETS} == {"fa", "en"}
    assert max(len(frozen["alerts"]) for frozen in SETS) == 200
    assert all(any(each["kind"] == "good" for each in frozen["answers"]) for frozen in SETS)


def test_every_honest_answer_covers_every_alert_and_is_shown() -> None:
    accepted = [is_accepted(*each) for each in answers("good")]

    assert sum(accepted) / len(SETS) == 1.0


@pytest.mark.parametrize("kind", ["bad", "hostile"])
def test_nothing_invented_is_ever_shown(kind: str) -> None:
    shown = [each for frozen, each in answers(kind) if is_accepted(frozen, each)]

    assert shown == []


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_without_a_model_our_own_summary_speaks_of_every_alert(lang: Any) -> None:
    for frozen in SETS:
        groups = groups_in(frozen)
        said = [summary_of(group, {}, START + timedelta(hours=1), lang) for group in groups]

        told = {each for one in said for sentence in one.sentences for each in sentence.fingerprints}
        assert told == {f"f{number:03}" for number in range(1, len(frozen["alerts"]) + 1)}, frozen["name"]
        assert all(one.title and all(sentence.text for sentence in one.sentences) for one in said)


def test_a_model_reads_at_most_fifty_alerts_and_no_secret_and_no_invisible_sign() -> None:
    texts = [text for frozen in SETS for alert in numbered(groups_in(frozen)) for _, text in alert.facts]

    assert max(len(numbered(groups_in(frozen))) for frozen in SETS) == MOST_ALERTS
    assert "sk-abcdef" not in "".join(texts)
    assert all(len(text) <= 200 for text in texts)
    assert all(text.isprintable() for text in texts)
