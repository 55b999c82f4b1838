"""Rows of the account page, from sessions."""

import re
from dataclasses import dataclass

from backend.accounts.types import UserSession
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text

# In this order: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
_PLAIN = re.compile(r"[^\w .:/()-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A signed-in browser."""

    key: str
    device: str
    address: str
    last_seen: str
    created: str
    is_current: bool


def to_row(session: UserSession, lang: Lang) -> SessionRow:
    """A line of the sessions."""
    return SessionRow(
        key=str(session.id),
        device=device(session.user_agent) or text("page.account.unknown_device", lang),
        address=session.address,
        last_seen=fmt.instant(session.last_seen_at, lang),
        created=fmt.instant(session.created_at, lang),
        is_current=session.is_current,
    )


def device(user_agent: str) -> str:
    """Browser and system in known words, else the first 40 plain characters: the claim is outside text."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser or system:
        return " · ".join(filter(None, (browser, system)))
    return _PLAIN.sub("", user_agent)[:40]
