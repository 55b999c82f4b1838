"""Rows of silences: formatted strings in the reader's language."""

from dataclasses import dataclass, field
from datetime import datetime

from backend.alerts.silence_rules import LENGTHS, UNTIL_MORNING, state_at
from backend.alerts.summary_rules import shown
from backend.alerts.types import (
    KnownSilence,
    Matcher,
    SeenAlert,
    Silence,
    SilenceChange,
    SilencePreview,
    SilenceState,
)
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal import routes

LONGEST_MATCHER = 200
LONGEST_COMMENT = 500
MOST_CHANGES = 10
MOST_COVERED = 20
_TONES = {SilenceState.ACTIVE: "info", SilenceState.PENDING: "warn", SilenceState.EXPIRED: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceRow:
    """A silence of the list, with its history in sentences."""

    key: str
    matchers: list[str]
    state: str
    tone: str
    is_live: bool
    until: str
    who: str
    why: str
    covers: str
    extend_url: str
    again_url: str
    changes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingSoon:
    """A silence that will be over soon, in a sentence, and the way to extend it."""

    sentence: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthChoice:
    """A usual length of a silence."""

    value: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceForm:
    """The form's beginnings: new matchers, or a live silence that gets another end."""

    matchers: str = ""
    fixed: list[str] = field(default_factory=list)
    until: str = ""
    lengths: list[LengthChoice] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewView:
    """The alerts that a silence would cover now; an empty ``until`` says that nothing was looked at yet."""

    matchers: list[str] = field(default_factory=list)
    until: str = ""
    reason: str = ""
    count: str = ""
    covered: list[str] = field(default_factory=list)
    left_out: str = ""
    covers_nothing: bool = False
    has_watchdog: bool = False
    equal: str = ""
    equal_url: str = ""


def to_silence(known: KnownSilence, now: datetime, lang: Lang) -> SilenceRow:
    """A silence of the list."""
    silence = known.silence
    state = state_at(silence, now)
    return SilenceRow(
        key=silence.id,
        matchers=[shown_matcher(each) for each in silence.matchers],
        state=text(f"alerts.silence_state.{state}", lang),
        tone=_TONES[state],
        is_live=state != SilenceState.EXPIRED,
        until=fmt.moment(silence.ends_at, lang),
        who=shown(silence.created_by) or "—",
        why=shown(silence.comment, LONGEST_COMMENT) or text("page.alerts.no_reason", lang),
        covers=text("page.alerts.covers", lang, n=fmt.number(known.muting, lang)),
        extend_url=routes.silence_extended(silence.id),
        again_url=routes.silence_again(silence.id),
        changes=[_change(each, lang) for each in known.changes[:MOST_CHANGES]],
    )


def _change(change: SilenceChange, lang: Lang) -> str:
    said = text(
        f"alerts.silence_change.{change.kind}",
        lang,
        at=fmt.moment(change.at, lang),
        who=shown(change.actor.removeprefix("user:")) or "Alertmanager",
        until=fmt.moment(change.ends_at, lang),
    )
    if not change.comment:
        return said
    return text("page.alerts.with_comment", lang, said=said, why=shown(change.comment, LONGEST_COMMENT))


def to_ending(known: KnownSilence, now: datetime, lang: Lang) -> EndingSoon:
    """A silence that will be over soon: what it mutes will be heard again."""
    silence = known.silence
    return EndingSoon(
        sentence=text(
            "page.alerts.ends_soon",
            lang,
            matchers=fmt.listed((shown_matcher(each) for each in silence.matchers[:3]), lang),
            left=fmt.duration(max(0.0, (silence.ends_at - now).total_seconds()), lang),
            n=fmt.number(known.muting, lang),
        ),
        url=routes.silence_extended(silence.id),
    )


def to_form(matchers: str, extended: Silence | None, lang: Lang) -> SilenceForm:
    """The form's beginnings."""
    return SilenceForm(
        matchers=matchers,
        fixed=[shown_matcher(each) for each in extended.matchers] if extended else [],
        until=fmt.moment(extended.ends_at, lang) if extended else "",
        lengths=[
            LengthChoice(value=value, title=length_title(value, lang)) for value in (*LENGTHS, UNTIL_MORNING)
        ],
    )


def length_title(value: str, lang: Lang) -> str:
    """A usual length of a silence in words."""
    if value == UNTIL_MORNING:
        return text("page.alerts.until_morning", lang)
    return fmt.duration(LENGTHS[value].total_seconds(), lang)


def to_preview(preview: SilencePreview, reason: str, lang: Lang) -> PreviewView:
    """The alerts that a silence would cover now."""
    covered = [_covered(each) for each in preview.alerts[:MOST_COVERED]]
    left = len(preview.alerts) - len(covered)
    equal = preview.equal
    return PreviewView(
        matchers=[shown_matcher(each) for each in preview.matchers],
        until=fmt.moment(preview.ends_at, lang),
        reason=shown(reason, LONGEST_COMMENT),
        count=fmt.number(len(preview.alerts), lang),
        covered=covered,
        left_out=text("page.alerts.and_others", lang, n=fmt.number(left, lang)) if left > 0 else "",
        covers_nothing=not preview.alerts,
        has_watchdog=preview.has_watchdog,
        equal=_equal(equal, lang) if equal else "",
        equal_url=routes.silence_extended(equal.id) if equal else "",
    )


def _equal(silence: Silence, lang: Lang) -> str:
    return text(
        "page.alerts.equal",
        lang,
        who=shown(silence.created_by) or "—",
        until=fmt.moment(silence.ends_at, lang),
        why=shown(silence.comment, LONGEST_COMMENT) or "—",
    )


def _covered(alert: SeenAlert) -> str:
    labels = {name: value for name, value in alert.labels.items() if name not in {"alertname", "severity"}}
    places = " · ".join(f"\u2066{name}={shown(value)}\u2069" for name, value in sorted(labels.items())[:5])
    return (
        f"{shown(alert.labels.get('alertname', ''))} · {places}"
        if places
        else shown(alert.labels.get("alertname", ""))
    )


def shown_matcher(matcher: Matcher) -> str:
    """A matcher as people write it, cut, and without signs that nobody sees."""
    return shown(str(matcher), LONGEST_MATCHER)
