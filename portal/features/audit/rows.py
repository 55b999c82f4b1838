"""From entries of the audit trail to sentences in the reader's language, with the raw fields beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from backend.audit.types import AuditEntry, ChainMark
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal.audit_words import entry_words, target_url
from portal.components.isolated import TextPart, parts_of
from portal.place import Pager


@dataclass(frozen=True, slots=True, kw_only=True)
class RawField:
    """A stored field as it is."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """An entry: a sentence, the reason that was given, and the stored fields."""

    key: str
    at: str
    at_s: int
    sentence: list[TextPart]
    reason: str
    url: str
    raw: list[RawField]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionChoice:
    """An action to search for."""

    value: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """The page: a search and what it found. ``problem`` says what is wrong with a typed time."""

    who: str = ""
    action: str = ""
    target: str = ""
    since: str = ""
    until: str = ""
    problem: str = ""
    choices: list[ActionChoice] = field(default_factory=list)
    rows: list[AuditRow] = field(default_factory=list)
    pager: Pager = field(default_factory=Pager)
    export_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """Progress of the check of the chain, and what does not fit."""

    words: str = ""
    tone: str = "info"
    head: str = ""
    broken: list[str] = field(default_factory=list)
    can_go_on: bool = False


def to_entry(entry: AuditEntry, lang: Lang) -> AuditRow:
    """A line of an entry."""
    event = entry.event
    reason = event.detail.get("reason")
    return AuditRow(
        key=str(entry.id),
        at=fmt.moment(event.at, lang),
        at_s=int(event.at.timestamp()),
        sentence=parts_of(entry_words(event, lang)),
        reason=str(reason) if reason else "",
        url=target_url(event.target),
        raw=_raw(entry),
    )


def to_check(mark: ChainMark, lang: Lang, *, is_working: bool) -> CheckView:
    """Progress of the check of the chain, in words."""
    count = fmt.number(mark.entries, lang)
    until = fmt.moment(mark.at, lang) if mark.at else "—"
    if is_working:
        words = text("page.audit.checking", lang, n=count, until=until)
    elif mark.broken:
        broken = fmt.number(len(mark.broken), lang)
        words = text("page.audit.broken", lang, n=count, until=until, broken=broken)
    elif mark.is_end:
        words = text("page.audit.intact", lang, n=count, until=until)
    else:
        words = text("page.audit.so_far", lang, n=count, until=until)
    return CheckView(
        words=words,
        tone="bad" if mark.broken else "ok" if mark.is_end else "info",
        head=mark.hash.hex() if mark.is_end else "",
        broken=[_broken(each.id, each.reason, lang) for each in mark.broken],
        can_go_on=not mark.is_end and not is_working,
    )


def bounds(rows: Sequence[AuditEntry], lang: Lang) -> str:
    """The times between which a page's entries lie."""
    if not rows:
        return ""
    return text(
        "page.audit.bounds",
        lang,
        newest=fmt.moment(rows[0].event.at, lang),
        oldest=fmt.moment(rows[-1].event.at, lang),
    )


def _broken(entry_id: int, reason: str, lang: Lang) -> str:
    return text(f"audit.fault.{reason}", lang, id=fmt.number(entry_id, lang))


def _raw(entry: AuditEntry) -> list[RawField]:
    event = entry.event
    fields: Mapping[str, str] = {
        "id": str(entry.id),
        "at": event.at.isoformat(timespec="microseconds"),
        "actor": event.actor,
        "action": event.action,
        "target": event.target,
        "detail": orjson.dumps(event.detail, option=orjson.OPT_INDENT_2).decode(),
        "previous_hash": entry.previous_hash.hex(),
        "hash": entry.hash.hex(),
    }
    return [RawField(name=name, value=value) for name, value in fields.items()]
