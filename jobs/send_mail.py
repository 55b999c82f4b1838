"""Every 5 seconds: send the mails that are due."""

from backend.actor import Actor
from backend.notifications import service as notifications

NAME = "send_mail"
AT_ONCE = 100


def run(actor: Actor) -> str | None:
    """Send a batch; a mail that fails is tried again later and fails no other. None while mails wait for their time."""
    report = notifications.send_due(actor, AT_ONCE)
    if report.sent or report.failed:
        return f"{report.sent} sent, {report.failed} failed"
    return None if notifications.state(actor).waiting else ""
