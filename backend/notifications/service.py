"""Use cases of notifications: enqueue mails with the work that causes them, and send due mails.

A mail is sent at least once. It is only marked as sent after the server took it, so one whose answer got lost goes out
again, with the same Message-ID and the same bytes.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from backend import mail_address
from backend.actor import STAFF_ROLES, Actor, require_process, require_role_or_process
from backend.clients.mail import DeliveryResult, DeliveryStatus, Envelope, MailConnection, mail_connection
from backend.clock import utc_now
from backend.config import settings
from backend.errors import NotFound, Unavailable
from backend.log import get_logger
from backend.notifications import mail_rendering, repository, rules
from backend.notifications.types import GivenUpMail, Mail, MailCounts, OutboxState, QueuedMail, SendReport

log = get_logger(__name__)

CLAIMED_AT_ONCE = 100
# Longer than a batch may take, so that a living sender never loses a mail to another one.
LEASE = timedelta(minutes=5)
LEASE_RESERVE = timedelta(minutes=2)
PAUSE = timedelta(seconds=30)
BREAKS_IN_A_ROW = 3


def enqueue(mails: Sequence[Mail], now: datetime) -> int:
    """Put mails into the outbox, kept if, and only if, the open transaction is; how many were new.

    A key that the outbox knows is left as it is. It takes no actor, because a mail is part of whatever causes it, and
    that has been allowed before.
    """
    return repository.insert_all(mails, now) if mails else 0


def send_due(actor: Actor, limit: int) -> SendReport:
    """Send up to ``limit`` mails that are due. For processes; any number may send at the same time.

    A mail that is refused waits longer from try to try, and is given up after the last one, or at once when its
    recipient is refused for good. A refusal that is about us, or that nobody understands, is an error in the log from
    the first time on. While the server is away nothing counts as a try.

    Raises:
        Unavailable: the mail server cannot be reached, and no mail was sent; all are kept.
    """
    require_process(actor)
    total = SendReport()
    while (left := limit - total.sent - total.failed) > 0:
        now = utc_now()
        claimed = repository.claim(now, now + LEASE, min(left, CLAIMED_AT_ONCE))
        if not claimed:
            break
        total += _deliver(deque(claimed), until=now + LEASE - LEASE_RESERVE, has_sent=total.sent > 0)
        if total.postponed:
            break
    return total


def state(actor: Actor) -> OutboxState:
    """State of the outbox. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.state()


def given_up(actor: Actor, limit: int = 100) -> list[GivenUpMail]:
    """The mails that were given up, the newest first. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.given_up(limit)


def counts(actor: Actor, keys: Sequence[str]) -> MailCounts:
    """The numbers of these mails that were sent, wait, and were given up. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.counts(keys)


def retry(actor: Actor, key: str) -> None:
    """Send a mail that was given up after all. For processes. Raises NotFound when no mail of this key was given up."""
    require_process(actor)
    if not repository.revive(utc_now(), key):
        raise NotFound(reason="given_up_mail")
    log.info("mail.revived", key=key, by=actor.name)


def retry_all(actor: Actor) -> int:
    """Send every mail that was given up after all; how many. For processes. Repeating it does no harm."""
    require_process(actor)
    revived = repository.revive(utc_now())
    log.info("mail.revived", mails=revived, by=actor.name)
    return revived


def _deliver(waiting: deque[QueuedMail], *, until: datetime, has_sent: bool) -> SendReport:
    """Send mails, reconnecting where the connection breaks, until time runs out or the server stays away."""
    done, breaks = SendReport(), 0
    while waiting and breaks < BREAKS_IN_A_ROW and utc_now() < until:
        before = done.sent
        try:
            with mail_connection(rules.domain_of(settings().mail_from)) as connection:
                done += _deliver_over(connection, waiting, until)
        except Unavailable as trouble:
            if trouble.data.get("service") != "mail":
                raise
            _postpone(waiting, trouble)
            if not (has_sent or done.sent or done.failed):
                raise
            return done + SendReport(postponed=len(waiting))
        breaks = 0 if done.sent > before else breaks + 1
    if waiting:
        _postpone(waiting, Unavailable(service="mail", cause="unstable"))
    return done + SendReport(postponed=len(waiting))


def _deliver_over(connection: MailConnection, waiting: deque[QueuedMail], until: datetime) -> SendReport:
    """Send mails over a connection and note each before the next, until all are done or the connection breaks."""
    done = SendReport()
    while waiting and utc_now() < until:
        queued = waiting[0]
        try:
            result = _send(connection, queued)
        except Unavailable as trouble:
            if trouble.data.get("service") != "mail":
                raise
            waiting.popleft()
            return done + _failed(queued, f"{trouble.data.get('cause')}", DeliveryStatus.REFUSED_FOR_NOW)
        waiting.popleft()
        done += _noted(queued, result)
    return done


def _send(connection: MailConnection, queued: QueuedMail) -> DeliveryResult:
    mail_from = settings().mail_from
    try:
        message = mail_rendering.compose(queued, public_url=settings().public_url, mail_from=mail_from)
    except mail_rendering.CompositionError as wrong:
        log.exception("mail.not_composed", key=queued.mail.key)
        return DeliveryResult(status=DeliveryStatus.REFUSED_FOR_NOW, reply=f"not composed: {wrong}")
    return connection.send(
        Envelope(
            sender=mail_address.sender(mail_from).address,
            recipient=mail_address.checked(queued.mail.recipient),
            content=message.as_bytes(),
        )
    )


def _noted(queued: QueuedMail, result: DeliveryResult) -> SendReport:
    if result.status == DeliveryStatus.ACCEPTED:
        repository.mark_sent(queued.mail.key, utc_now())
        log.info("mail.sent", key=queued.mail.key, tries=queued.tries + 1)
        return SendReport(sent=1)
    return _failed(queued, result.reply, result.status)


def _failed(queued: QueuedMail, reason: str, status: DeliveryStatus) -> SendReport:
    now = utc_now()
    again_at = None if status is DeliveryStatus.REFUSED_FOR_GOOD else rules.next_try(now, queued.tries + 1)
    if again_at is None:
        repository.mark_given_up(queued.mail.key, now, reason)
        log.error("mail.given_up", key=queued.mail.key, reason=reason, tries=queued.tries + 1)
        return SendReport(failed=1, given_up=1)
    repository.mark_failed(queued.mail.key, again_at, reason)
    if status is DeliveryStatus.REFUSED_US:
        log.error("mail.rejected", key=queued.mail.key, reason=reason, next_try_at=again_at)
    else:
        log.warning("mail.refused", key=queued.mail.key, reason=reason, next_try_at=again_at)
    return SendReport(failed=1)


def _postpone(waiting: Sequence[QueuedMail], trouble: Unavailable) -> None:
    again_at = utc_now() + PAUSE
    repository.release([queued.mail.key for queued in waiting], again_at)
    log.warning("mail.postponed", mails=len(waiting), cause=trouble.data.get("cause"), next_try_at=again_at)
