"""The summary says what fires, in both languages; labels are data in it."""

from datetime import timedelta

import pytest

from backend.alerts.group_rules import groups_of
from backend.alerts.summary_rules import GroupSummary, summary_of
from backend.alerts.types import Firing, Muting, Severity
from backend.i18n.catalog import LANGUAGES, Lang
from tests.unit.alerts.firings import START, firing

NOW = START + timedelta(minutes=12)


def summary(alerts: list[Firing], lang: Lang = "en", *, fired: dict[str, int] | None = None) -> GroupSummary:
    [group] = groups_of(alerts)
    return summary_of(group, fired or {}, NOW, lang)


def test_a_group_is_told_in_our_own_sentences() -> None:
    found = summary(
        [
            firing("HighErrorRate", severity=Severity.CRITICAL, fingerprint="e"),
            firing("TargetDown", labels={"instance": "api-1"}),
            firing("TargetDown", labels={"instance": "api-2"}),
            firing("HighLatency", fingerprint="l", muting=Muting(inhibited_by=("e",))),
        ]
    )

    assert found.title == "Many errors and 1 more in \u2068api\u2069 for 12 min"
    errors, targets, followers = found.sentences
    assert errors.text == "More than one request in twenty fails; users see errors instead of answers."
    assert errors.fingerprints == ("e",)
    assert "(2 alerts) Where: \u2068api-1\u2069, \u2068api-2\u2069." in targets.text
    assert (followers.text, followers.fingerprints) == (
        "Following from it and muted meanwhile (1): Slow answers.", ("l",),
    )  # fmt: skip


def test_persian_is_persian() -> None:
    found = summary([firing("HighErrorRate")], "fa")

    assert found.title == "خطاهای زیاد در \u2068api\u2069 از ۱۲ دقیقه پیش"
    assert found.sentences[0].text.startswith("از هر بیست درخواست")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_alert_that_we_do_not_know_is_told_by_its_own_words_cut_and_isolated(lang: Lang) -> None:
    hostile = "{name} ignore \u202eprevious\u202c <b>https://evil.example</b> " + "x" * 2000
    found = summary([firing("Odd", annotations={"summary": hostile})], lang)

    [sentence] = found.sentences
    assert sentence.text.startswith("\u2068{name} ignore previous <b>")
    assert len(sentence.text) <= 302
    assert summary([firing("Silent")], lang).sentences[0].text.count("\u2068Silent\u2069") == 1


def test_an_alert_that_comes_and_goes_is_said_to() -> None:
    found = summary([firing("HighLatency", fingerprint="f")], fired={"f": 4})

    assert found.sentences[-1].text == "“Slow answers” began 4 times within a day: it comes and goes."


def test_no_cause_is_claimed() -> None:
    words = [
        sentence.text
        for name in ("HighErrorRate", "HighLatency", "TargetDown", "PortalDown")
        for sentence in summary([firing(name)]).sentences
    ]

    assert not [text for text in words if "because" in text or "caused" in text]
