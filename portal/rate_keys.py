"""Rate-limit keys: events and connections are counted by session, else by client address."""

from backend.accounts.rules import address_group
from portal import session

STRANGER = "address:"


async def rate_key(cookie_header: str, address: str) -> str:
    """Rate-limit key: the session, else the client's address. Strangers choose their tab's token, so it is no key."""
    try:
        who = await session.session_of(session.token_in(cookie_header))
    except Exception:  # noqa: BLE001 - the guard asks the same at once, and tells the page what is wrong
        who = None
    return f"session:{who.id}" if who else f"{STRANGER}{address_group(address)}"
