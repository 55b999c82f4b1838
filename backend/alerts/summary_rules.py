"""The deterministic summary of a group of alerts, in both languages: our own sentences, with labels as data.

It needs no model and no network, so it is always there first. It says what fires, where, since when and how often;
never why, because nobody has proven that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from backend.alerts.types import AlertGroup, Firing
from backend.free_text import received
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text

# Labels that say where an alert fires, the most telling first; what all alerts of a service share says nothing.
_PLACES = ("tenant", "model", "instance", "pod", "node", "namespace", "job")
_MOST_PLACES = 3
LONGEST_VALUE = 60
LONGEST_SENTENCE = 300
FLAPS = 3
"""Firings of one alert within a day from which on it is said to come and go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummarySentence:
    """A sentence, and the fingerprints of the alerts that it is about."""

    text: str
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSummary:
    """A group in words: a title, and a sentence for each alert name."""

    title: str
    sentences: tuple[SummarySentence, ...]


def summary_of(group: AlertGroup, fired_in_day: Mapping[str, int], now: datetime, lang: Lang) -> GroupSummary:
    """A group of alerts in words. Pure, and quick enough for a thousand alerts at once."""
    sentences = [_about_name(alerts, lang) for alerts in _by_name(group.alerts)]
    if group.followers:
        sentences.append(_about_followers(group.followers, lang))
    restless = [alert for alert in group.alerts if fired_in_day.get(alert.fingerprint, 0) >= FLAPS]
    if restless:
        sentences.append(_about_flaps(restless, fired_in_day, lang))
    return GroupSummary(title=_title(group, now, lang), sentences=tuple(sentences))


def name_of(firing: Firing, lang: Lang) -> str:
    """An alert's name in words, or its own name where the catalogue knows none."""
    key = f"alerts.name.{firing.name}"
    return text(key, lang) if has(key) else shown(firing.name)


def service_of(service: str, lang: Lang) -> str:
    """A service's name in words; one that the catalogue does not know, such as a workload, by its own name."""
    key = f"alerts.service.{service}"
    return text(key, lang) if has(key) else shown(service)


def sentence_of(firing: Firing, lang: Lang) -> str:
    """The meaning of an alert for users: our own sentence, else the summary that its rule gives, as it is."""
    key = f"alerts.said.{firing.name}"
    if has(key):
        return text(key, lang)
    given = shown(firing.annotations.get("summary", ""), LONGEST_SENTENCE)
    return given or text("alerts.unknown", lang, name=shown(firing.name))


@lru_cache(maxsize=20_000)
def shown(value: str, longest: int = LONGEST_VALUE) -> str:
    """A text from outside, for a sentence of either direction: without invisible signs, cut, and isolated."""
    tidy = received(value[: 4 * longest], longest)
    return f"\u2068{tidy}\u2069" if tidy else ""


def places_of(firing: Firing) -> list[tuple[str, str]]:
    """The places where an alert fires: the most telling labels, with their names."""
    labels = firing.labels
    return [(name, labels[name]) for name in _PLACES if labels.get(name) and labels[name] != firing.service][
        :_MOST_PLACES
    ]


def _title(group: AlertGroup, now: datetime, lang: Lang) -> str:
    names = list(dict.fromkeys(name_of(alert, lang) for alert in group.alerts))
    what = (
        names[0]
        if len(names) == 1
        else text("alerts.and_more", lang, name=names[0], n=_n(len(names) - 1, lang))
    )
    lasting = fmt.duration(max(0.0, (now - group.started_at).total_seconds()), lang)
    if not group.service:
        return text("alerts.title_anywhere", lang, what=what, lasting=lasting)
    return text("alerts.title", lang, what=what, service=service_of(group.service, lang), lasting=lasting)


def _by_name(alerts: Sequence[Firing]) -> list[list[Firing]]:
    found: dict[str, list[Firing]] = {}
    for alert in alerts:
        found.setdefault(alert.name, []).append(alert)
    return list(found.values())


def _about_name(alerts: Sequence[Firing], lang: Lang) -> SummarySentence:
    said = sentence_of(alerts[0], lang)
    fingerprints = tuple(alert.fingerprint for alert in alerts)
    places = list(dict.fromkeys(shown(value) for alert in alerts[:20] for _, value in places_of(alert)[:1]))
    if len(alerts) > 1:
        said = text("alerts.several", lang, said=said, n=_n(len(alerts), lang))
    if places:
        listed = fmt.listed(places[:_MOST_PLACES], lang)
        if len(places) > _MOST_PLACES:
            listed = text("alerts.and_others", lang, listed=listed)
        said = text("alerts.where", lang, said=said, places=listed)
    return SummarySentence(text=said, fingerprints=fingerprints)


def _about_followers(followers: Sequence[Firing], lang: Lang) -> SummarySentence:
    names = list(dict.fromkeys(name_of(alert, lang) for alert in followers))
    listed = fmt.listed(names[:_MOST_PLACES], lang)
    said = text("alerts.followers", lang, n=_n(len(followers), lang), names=listed)
    return SummarySentence(text=said, fingerprints=tuple(alert.fingerprint for alert in followers))


def _about_flaps(alerts: Sequence[Firing], fired_in_day: Mapping[str, int], lang: Lang) -> SummarySentence:
    most = max(alerts, key=lambda alert: fired_in_day[alert.fingerprint])
    times = _n(fired_in_day[most.fingerprint], lang)
    said = text("alerts.flaps", lang, name=name_of(most, lang), n=times)
    return SummarySentence(text=said, fingerprints=tuple(alert.fingerprint for alert in alerts))


def _n(count: int, lang: Lang) -> str:
    return fmt.number(count, lang)
