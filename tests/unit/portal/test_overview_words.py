"""The overview in words: one sentence and one colour, and no good news from who does not answer."""

from dataclasses import replace

import pytest

from backend.alerts.types import SourceKind
from backend.i18n.catalog import Lang
from backend.overview import rules
from portal.features.overview import lines
from portal.features.overview.headline import to_headline
from tests.unit.overview.facts import EARLIER, NOW, WELL, alarm, alerting, but, silent


@pytest.mark.parametrize(
    ("lang", "word", "sentence"), [("en", "Well", "All is well"), ("fa", "سالم", "همه چیز روبه‌راه است")]
)
def test_when_all_is_well_the_page_says_so_and_nothing_else(lang: Lang, word: str, sentence: str) -> None:
    head = to_headline(rules.health(WELL, NOW), lang)

    said = "".join(part.text for part in head.sentence)
    assert (head.tone, head.icon, head.word, said) == ("ok", "✓", word, sentence)
    assert (head.others, head.moving, head.since_s) == ([], [], 0)


def test_a_list_is_unknown_since_its_source_or_whoever_watches_fell_silent() -> None:
    since = int(EARLIER.timestamp())

    assert lines.unknown(WELL) == {"alerts": 0, "cluster": 0}
    assert lines.unknown(but(cluster=silent(), alerts=silent())) == {"alerts": since, "cluster": since}
    assert lines.unknown(but(alerts=alerting(looked_at=EARLIER, is_blind=True)))["alerts"] == since


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "Alertmanager am-1:9093 does not answer: alerts may be lost"),
        ("fa", "Alertmanager am-1:9093 پاسخ نمی‌دهد: شاید هشدارها گم شوند"),
    ],
)
def test_a_lost_alertmanager_is_called_one(lang: Lang, said: str) -> None:
    lost = but(alerts=alerting(alarms=(alarm(SourceKind.ALERTMANAGER, "am-1:9093"),)))

    head = to_headline(rules.health(lost, NOW), lang)

    assert "".join(part.text for part in head.sentence) == said


def test_each_of_several_measuring_servers_has_a_line_with_what_keeps_it_from_answering() -> None:
    lost = replace(alarm(SourceKind.PROMETHEUS, "one:9090"), cause="unauthorized")
    well = replace(alarm(SourceKind.PROMETHEUS, "two:9090"), failing_since=None, cause="")

    found = lines.dependencies(but(alerts=alerting(sources=(lost, well))), "en")

    told = {"".join(part.text for part in line.name): (line.tone, line.cause) for line in found}
    assert told["Prometheus one:9090"] == ("bad", "Wants other credentials")
    assert told["Prometheus two:9090"] == ("ok", "")


def test_a_measuring_server_that_is_the_only_one_has_the_line_of_the_measures_alone() -> None:
    alone = alarm(SourceKind.PROMETHEUS, SourceKind.PROMETHEUS.value)

    found = lines.dependencies(but(alerts=alerting(sources=(alone,))), "en")

    assert ["".join(part.text for part in line.name) for line in found].count("Prometheus") == 1
