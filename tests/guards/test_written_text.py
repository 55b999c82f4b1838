"""Whatever a service takes as text and stores keeps the one rule for text, and no new parameter is forgotten."""

import ast
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from backend import clock
from backend.accounts import service as accounts
from backend.accounts.types import NewUser
from backend.actor import Role, TenantId
from backend.alerts import service as alerts
from backend.alerts.types import NewSilence
from backend.errors import Invalid
from backend.invoices import service as invoices
from backend.invoices.types import InvoiceId
from backend.job_runs import service as jobs
from backend.payments import service as payments
from backend.payments.types import AttemptId
from backend.pricing import service as pricing
from backend.pricing.types import NewPriceList
from backend.runbooks import service as runbooks
from backend.runbooks.types import RunId
from backend.tenants import service as tenants
from backend.tenants.types import NewTenant
from tests import factories
from tests.guards.rules import doors, feature_of, sources

OPERATOR = factories.actor(Role.OPERATOR)
PRICE = Decimal(1)


def user(**changed: str) -> None:
    told = {"email": "a@b.example", "name": "A", "password": "a b c d e f g h", **changed}
    accounts.create_user(factories.PROCESS, NewUser(role=Role.OPERATOR, tenant_id=None, **told))


def tenant(**changed: str) -> None:
    told = {"label": "ava", "name_fa": "آوا", "name_en": "Ava", "billing_email": "a@b.example", **changed}
    tenants.create(OPERATOR, NewTenant(billed_from=date(2026, 11, 22), **told))


def price(model: str, kind: str) -> None:
    new = NewPriceList(
        valid_from=date(2100, 1, 1), rial_per_1000_tokens=PRICE, overrides={(model, kind): PRICE}
    )
    pricing.add_price_list(OPERATOR, new)


def silence(reason: str) -> NewSilence:
    return NewSilence(matchers='a="b"', ends_at=clock.utc_now() + timedelta(hours=1), reason=reason)


WRITTEN: dict[str, Callable[[str], object]] = {
    "alerts.preview_silence.new": lambda text: alerts.preview_silence(OPERATOR, silence(text)),
    "alerts.create_silence.new": lambda text: alerts.create_silence(OPERATOR, silence(text)),
    "alerts.change_silence_end.reason": lambda text: alerts.change_silence_end(
        OPERATOR, "x", clock.utc_now() + timedelta(hours=1), text
    ),
    "accounts.create_user.new": lambda text: user(name=text),
    "invoices.release.reason": lambda text: invoices.release(OPERATOR, InvoiceId(uuid4()), text),
    "job_runs.pause_for_run.reason": lambda text: jobs.pause_for_run(
        factories.PROCESS, "nightly_billing", text, by="user:a"
    ),
    "runbooks.decline.reason": lambda text: runbooks.decline(OPERATOR, RunId(uuid4()), text),
    "job_runs.pause.reason": lambda text: jobs.pause(OPERATOR, "nightly_billing", text),
    "payments.resolve.reason": lambda text: payments.resolve(OPERATOR, AttemptId(uuid4()), text),
    "payments.pay_out_credit.reason": lambda text: payments.pay_out_credit(
        OPERATOR, TenantId(uuid4()), 10, text, "key"
    ),
    "payments.pay_out_credit.key": lambda text: payments.pay_out_credit(
        OPERATOR, TenantId(uuid4()), 10, "why", text
    ),
    "pricing.add_price_list.new": lambda text: price(text, "prompt"),
    "pricing.add_price_list.new, type": lambda text: price("gpt", text),
    "tenants.create.new": lambda text: tenant(name_fa=text),
    "tenants.create_all.new": lambda text: tenant(name_en=text),
    "tenants.create.new, label": lambda text: tenant(label=text),
    "tenants.create.new, address": lambda text: tenant(postal_address=text),
    "tenants.create.new, code": lambda text: tenant(economic_code=text),
    "tenants.create.new, e-mail": lambda text: tenant(billing_email=text),
}
# Parameters of services that store nothing of what they are told, or nothing that a person wrote.
NOT_WRITTEN = {
    "alerts.proposed_matchers.fingerprint": "looked for",
    "alerts.alert.fingerprint": "looked for",
    "alerts.trend.fingerprint": "looked for",
    "alerts.change_silence_end.silence_id": "looked for",
    "alerts.end_silence.silence_id": "looked for",
    "alerts.silence_named.silence_id": "looked for",
    "accounts.user_with_email.email": "looked for",
    "accounts.tenant_with_label.label": "looked for",
    "accounts.sign_in.email": "looked for, and counted in a cleaned form",
    "accounts.sign_in.password": "hashed",
    "accounts.sign_in.address": "cleaned, never refused",
    "accounts.sign_in.user_agent": "cleaned, never refused",
    "accounts.session_of.token": "hashed",
    "accounts.sign_out.token": "hashed",
    "accounts.change_password.old": "hashed",
    "accounts.change_password.new": "hashed",
    "accounts.reset_password.new": "hashed",
    "alerts.matchers_of.fingerprint": "looked for",
    "alerts.silence_for_run.new": "the parameters of an action have types of their own",
    "alerts.silence_for_run.by": "our own word",
    "alerts.is_live.silence_id": "looked for",
    "alerts.end_for_run.silence_id": "looked for",
    "audit.record.action": "our own word",
    "audit.record.target": "our own word",
    "audit.record_all.action": "our own word",
    "audit.record_all.done": "our own words",
    "audit.entries.target": "looked for",
    "pricing.confirm_change.preview_hash": "compared",
    "backups.check_backup.name": "looked for",
    "backups.backup_named.name": "looked for",
    "backups.plan_restore.name": "looked for",
    "backups.load.name": "looked for",
    "backups.load.run": "a grammar of its own",
    "backups.carry.name": "looked for",
    "backups.carry.run": "a grammar of its own",
    "backups.drop_new.run": "a grammar of its own",
    "backups.swap.name": "looked for",
    "backups.swap.run": "a grammar of its own",
    "backups.swap.planned_version": "compared",
    "backups.forget_kept.known": "a grammar of its own",
    "backups.forget_kept.going_on": "a grammar of its own",
    "runbooks.ids_of.actions": "looked for",
    "runbooks.successors.actions": "looked for",
    "runbooks.continuable.action": "looked for",
    "backups.undoable.run": "a grammar of its own",
    "backups.undo.run": "a grammar of its own",
    "backups.undo.undo_run": "a grammar of its own",
    "backups.undo.planned_version": "compared",
    "backups.require_newest.run": "compared",
    "backups.note_moved_back.run": "looked for",
    "backups.drill.run": "a grammar of its own",
    "deploys.named_server.name": "looked for",
    "deploys.make_second_server.snapshot": "looked for",
    "deploys.make_second_server.run": "a grammar of its own",
    "deploys.drop_second_server.run": "compared",
    "deploys.restart_workload.identity": "compared",
    "deploys.scale_workload.identity": "compared",
    "deploys.set_paused.identity": "compared",
    "deploys.roll_back_workload.identity": "compared",
    "deploys.roll_back_workload.revision": "looked for",
    "deploys.users_of_secret.namespace": "looked for",
    "deploys.users_of_secret.secret": "looked for",
    "deploys.follow_rollouts.namespace": "looked for",
    "deploys.follow_rollouts.generations": "names of the cluster",
    "deploys.record_deploy.new": "a grammar of its own at the door; names of people are cleaned, never refused",
    "deploys.deploys_of.namespace": "looked for",
    "deploys.deploys_of.workload": "looked for",
    "deploys.delivery_figures.service": "looked for",
    "documents.at_places.places": "looked for",
    "documents.search.question": "looked for",
    "invoices.bill_day.started_by": "our own word",
    "invoices.bill_open_days.plan_hash": "compared",
    "invoices.bill_planned_day.plan_hash": "compared",
    "invoices.bill_planned_day.started_by": "our own word",
    "invoices.release_planned_day.plan_hash": "compared",
    "invoices.release_planned_day.started_by": "our own word",
    "job_runs.ask_to_run.job": "looked for",
    "job_runs.history.job": "looked for",
    "job_runs.is_paused.job": "looked for",
    "job_runs.pause.job": "looked for",
    "job_runs.pause_of.job": "looked for",
    "job_runs.resume.job": "looked for",
    "job_runs.standing_failure.job": "looked for",
    "job_runs.pause_for_run.job": "looked for",
    "job_runs.pause_for_run.by": "our own word",
    "job_runs.resume_for_run.job": "looked for",
    "runbooks.ask.new": "the parameters of an action have types of their own",
    "runbooks.confirm.plan_hash": "compared",
    "runbooks.confirm.typed": "compared",
    "runbooks.approve.plan_hash": "compared",
    "runbooks.take_up.process": "our own word",
    "runbooks.start_step.name": "our own word",
    "runbooks.end_step.name": "our own word",
    "runbooks.note_process.process": "our own word",
    "runbooks.holders.targets": "looked for",
    "runbooks.last_durations_s.action": "looked for",
    "runbooks.scheduled_since.action": "looked for",
    "runbooks.last_ended_at.action": "looked for",
    "runbooks.last_ended_at.targets": "looked for",
    "job_runs.start.job": "our own word",
    "job_runs.start.started_by": "our own word",
    "job_runs.finish.outcome": "our own word",
    "job_runs.record.job": "our own word",
    "job_runs.record.started_by": "our own word",
    "job_runs.record.outcome": "our own word",
    "job_runs.runs.job": "looked for",
    "job_runs.was_missed.job": "looked for",
    "notifications.counts.keys": "looked for",
    "notifications.retry.key": "looked for",
    "payments.callback.parameters": "read by a grammar of their own",
    "payments.recheck_for_run.by": "our own word",
    "payments.search_payments.wanted": "looked for",
    "tenants.search.wanted": "looked for",
    "tenants.with_labels.labels": "looked for",
    "usage.correct_day.labels": "looked for",
    "usage.measure_day.tenant_label": "looked for",
    "usage.measure_elsewhere.tenant_label": "looked for",
    "run_inputs.keep.value": "goes to the cluster alone",
    "run_inputs.read.name": "looked for",
    "run_inputs.discard.name": "looked for",
}
HIDDEN = ["", " ", "\0", "\u200b", "\u200c", "\u2800", "\u202e", "\u2066\u2069", "\ufeff", "a\0b", "a\x1b[2J"]


def texts_taken_by_services() -> set[str]:
    """Every parameter of a service that holds text, or a new thing with texts in it."""
    found = set()
    for source in sources("backend"):
        for name, function, _beside in doors(source):
            for given in (*function.args.args, *function.args.kwonlyargs):
                kind = ast.unparse(given.annotation) if given.annotation else ""
                if re.search(r"\bstr\b(?!, object)|\bNew[A-Z]", kind):
                    found.add(f"{feature_of(source)}.{name}.{given.arg}")
    return found


def test_every_text_that_a_service_takes_is_in_a_table() -> None:
    assert texts_taken_by_services() == {name.partition(",")[0] for name in WRITTEN} | set(NOT_WRITTEN)


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN.keys())
def test_text_of_which_nothing_can_be_seen_is_refused(write: Callable[[str], object]) -> None:
    for text in HIDDEN:
        if text == "":
            continue  # means "none given" where a text may be left out
        with pytest.raises(Invalid):
            write(text)
