"""From entries of the audit trail to sentences in the reader's language, with the raw fields beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from backend.audit.types import AuditEntry, AuditEvent, ChainMark
from backend.errors import NotFound
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from portal import routes
from portal.ids import uuid_of
from portal.job_words import job_name
from portal.place import Pager

_SHOWN_OF_ID = 8


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
    sentence: str
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
        sentence=said(event.action, actor_words(event.actor, lang), _target_of(event, lang), lang),
        reason=str(reason) if reason else "",
        url=target_url(event.target),
        raw=_raw(entry),
    )


def _target_of(event: AuditEvent, lang: Lang) -> str:
    """A user by the address where the entry holds it, everything else by its id."""
    email = event.detail.get("email")
    if event.target.startswith("user:") and isinstance(email, str):
        return text("audit.target.user", lang, id=fmt.code(email, lang))
    return target_words(event.target, lang)


def said(action: str, who: str, target: str, lang: Lang) -> str:
    """An action as a sentence; one that the catalogue does not know by its stored name."""
    key = f"audit.said.{action.replace('.', '_')}"
    if has(key):
        return text(key, lang, who=who, target=target)
    return text("audit.said_otherwise", lang, who=who, target=target, action=fmt.code(action, lang))


def action_words(action: str, lang: Lang) -> str:
    """An action in the list to choose from."""
    key = f"audit.action.{action.replace('.', '_')}"
    return text(key, lang) if has(key) else action


def actor_words(actor: str, lang: Lang) -> str:
    """A person by the address, a process by its name."""
    kind, _, name = actor.partition(":")
    if kind != "process":
        return fmt.code(name or actor, lang)
    return text("audit.process", lang, name=job_name(name, lang))


def target_words(target: str, lang: Lang) -> str:
    """The target with its kind, and the beginning of a long id."""
    kind, _, name = target.partition(":")
    if kind == "job":
        return text("audit.target.job", lang, id=job_name(name, lang))
    key = f"audit.target.{kind}"
    return text(key, lang, id=fmt.code(_short(name), lang)) if has(key) else fmt.code(target, lang)


def target_url(target: str) -> str:
    """The page of a target; empty where there is none."""
    kind, _, name = target.partition(":")
    match kind:
        case "job":
            return routes.with_query(routes.JOBS, {"job": name})
        case "invoice" if _is_id(name):
            return routes.invoice(name)
        case "payment" if _is_id(name):
            return routes.with_query(routes.PAYMENTS, {"payment": name})
        case "tenant" if _is_id(name):
            return routes.invoices_of_company(name)
        case _:
            return ""


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


def _short(name: str) -> str:
    return name[:_SHOWN_OF_ID] if _is_id(name) else name


def _is_id(name: str) -> bool:
    try:
        return isinstance(uuid_of(name), UUID)
    except NotFound:
        return False
