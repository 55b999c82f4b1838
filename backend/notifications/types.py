"""Types of notifications."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from backend.i18n.catalog import Lang


class Template(StrEnum):
    """The templates of mails. The sentences of each lie in the catalogues under ``mail.<name>``."""

    INVOICE_ISSUED = "invoice_issued"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_RETURNED = "payment_returned"
    RUN_WAITING = "run_waiting"


class Mail(NamedTuple):
    """A mail to be sent. ``key`` names its occasion: asking twice for the same key sends one mail.

    The parameters of ``invoice_issued``: number, day (ISO), tokens, amount_rial, tenant_name, invoice_id.
    Those of ``payment_received``: numbers, amount_rial, credit_rial, track_id, reference, card, at (ISO), tenant_name,
    invoice_id, debt_rial, outstanding_rial; reference, card and amounts may be empty or 0 and are then left out.
    Those of ``payment_returned``: the same, but reopened_rial instead of outstanding_rial, and is_returning (0 or 1);
    numbers may be empty, where the money paid no invoice.
    Those of ``run_waiting``: action and targets, in the language of the mail, who, run_id, until (ISO).
    """

    key: str
    recipient: str
    language: Lang
    template: str
    params: Mapping[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMail:
    """A mail in the outbox, and how often it was tried before."""

    mail: Mail
    created_at: datetime
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUpMail:
    """A mail that is not sent again unless a person asks; ``last_error`` is the mail server's last reply."""

    key: str
    recipient: str
    given_up_at: datetime
    last_error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailCounts:
    """Numbers of some mails that were sent, wait to be sent, and were given up."""

    sent: int = 0
    waiting: int = 0
    given_up: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """Numbers of mails in a round of sending.

    ``failed`` mails were refused or cut off and are tried again, except the ``given_up`` among them; ``postponed``
    mails were not tried, because the server had gone away.
    """

    sent: int = 0
    failed: int = 0
    given_up: int = 0
    postponed: int = 0

    def __add__(self, other: "SendReport") -> "SendReport":
        """Both rounds together."""
        return SendReport(
            sent=self.sent + other.sent,
            failed=self.failed + other.failed,
            given_up=self.given_up + other.given_up,
            postponed=self.postponed + other.postponed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxState:
    """State of the outbox. Given-up mails need a person.

    So do the ``rejected`` mails among the waiting: the server refused us. ``rejection`` is its reply, or empty.
    """

    waiting: int
    oldest_waiting: datetime | None
    given_up: int
    rejected: int
    rejection: str
