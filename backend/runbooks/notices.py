"""Mails that tell approvers of a run that waits for one of them."""

from datetime import datetime

from backend.accounts import service as accounts
from backend.accounts.types import User
from backend.actor import Actor
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, as_language, text
from backend.i18n.names import named, target_words
from backend.notifications import service as notifications
from backend.notifications.types import Mail, Template
from backend.runbooks.types import RunbookRun


def tell_approvers(actor: Actor, run: RunbookRun, until: datetime, now: datetime) -> int:
    """Put a mail to every other approver into the outbox; how many. Kept if, and only if, the open transaction is."""
    others = [each for each in accounts.approvers(actor) if each.id != run.requester_id]
    return notifications.enqueue([_mail(actor, run, until, each) for each in others], now)


def _mail(actor: Actor, run: RunbookRun, until: datetime, approver: User) -> Mail:
    language = as_language(approver.language)
    return Mail(
        key=f"run_waiting:{run.id}:{approver.id}",
        recipient=approver.email,
        language=language,
        template=Template.RUN_WAITING,
        params={
            "action": _title(run, language),
            "targets": fmt.listed([target_words(each, language) for each in run.targets], language),
            "who": actor.name,
            "run_id": str(run.id),
            "until": until.isoformat(),
        },
    )


def _title(run: RunbookRun, lang: Lang) -> str:
    action = named("action", run.action, lang) or fmt.code(run.action, lang)
    return action if run.undo_of is None else text("runs.undo_of", lang, action=action)
