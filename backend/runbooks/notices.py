"""Mails that tell approvers of a run that waits for one of them."""

from datetime import datetime

from backend.accounts import service as accounts
from backend.actor import Actor
from backend.i18n.catalog import as_language
from backend.notifications import service as notifications
from backend.notifications.types import Mail, Template
from backend.runbooks.types import RunbookRun


def tell_approvers(actor: Actor, run: RunbookRun, until: datetime, now: datetime) -> int:
    """Put a mail to every other approver into the outbox; how many. Kept if, and only if, the open transaction is."""
    mails = [
        Mail(
            key=f"run_waiting:{run.id}:{approver.id}",
            recipient=approver.email,
            language=as_language(approver.language),
            template=Template.RUN_WAITING,
            params={
                "action": run.action,
                "who": actor.name,
                "run_id": str(run.id),
                "until": until.isoformat(),
            },
        )
        for approver in accounts.approvers(actor)
        if approver.id != run.requester_id
    ]
    return notifications.enqueue(mails, now)
