"""Entries of the audit trail in words. Shared by the pages that tell of them."""

from uuid import UUID

from backend.audit.types import AuditEvent
from backend.errors import NotFound
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from portal import routes
from portal.ids import uuid_of
from portal.job_words import job_name

_SHOWN_OF_ID = 8


def entry_words(event: AuditEvent, lang: Lang) -> str:
    """An entry as a sentence: who did what to what."""
    return said(event.action, actor_words(event.actor, lang), _target_of(event, lang), lang)


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
    key = f"audit.process_name.{name}"
    return text("audit.process", lang, name=text(key, lang) if has(key) else job_name(name, lang))


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
        case "run" if _is_id(name):
            return routes.run(name)
        case _:
            return ""


def _short(name: str) -> str:
    return name[:_SHOWN_OF_ID] if _is_id(name) else name


def _is_id(name: str) -> bool:
    try:
        return isinstance(uuid_of(name), UUID)
    except NotFound:
        return False
