"""Rules of notifications: times of retries, giving up, and message ids."""

from datetime import datetime, timedelta
from hashlib import sha256

from backend import mail_address

MOST_TRIES = 16  # with the waits below about two days
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


def next_try(now: datetime, tries: int) -> datetime | None:
    """Time of the next try of a mail that has failed ``tries`` times; None when it is given up."""
    if tries >= MOST_TRIES:
        return None
    factor: int = 2 ** (max(tries, 1) - 1)
    return now + min(FIRST_WAIT * factor, LONGEST_WAIT)


def fingerprint(key: str) -> str:
    """Stable id of a mail's occasion, for the mail's headers; the same for each copy of the mail."""
    return sha256(key.encode()).hexdigest()[:40]


def domain_of(mail_from: str) -> str:
    """The domain of the address that mails come from."""
    return mail_address.sender(mail_from).domain


def message_id(key: str, mail_from: str) -> str:
    """The Message-ID of an occasion. Readers' programs show mails with the same one once."""
    return f"<{fingerprint(key)}@{domain_of(mail_from)}>"
