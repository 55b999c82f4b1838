"""The actions that each alert offers, with their fields filled. An allow-list: what stands here and nothing else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from backend.config import settings
from runbooks import form_rules, registry
from runbooks.action import Action

# Labels are outside text. Only what could be a name is put into a field.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}")
_SILENCE = "silence_alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOffer:
    """An action that may help, and the fields of its form that are filled already."""

    action: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """An entry of the list. ``fields`` are values; labels of the alert stand in them in braces.

    ``only`` are labels that the alert must have, so that nothing is offered that cannot help.
    """

    action: str
    fields: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoHelp:
    """An alert that no action helps, and why not. ``can_be_silenced`` is false for the heartbeat."""

    why: str
    can_be_silenced: bool = True


_NAMESPACE = "docuchat_namespace"
_API = f"Deployment/{{{_NAMESPACE}}}/docuchat-api"
_BILL = (Help(action="run_billing"),)
_BACK = Help(action="rollback_deployment", fields={"workload": _API})
_RESTART = Help(action="restart_workload", fields={"workload": _API})
_STUCK = {"workload": "{workload_kind}/{workload_namespace}/{workload}"}
_DEPLOYMENT = {"workload_kind": "Deployment"}
_KEY = Help(action="rotate_openai_key", fields={"namespace": f"{{{_NAMESPACE}}}"})

ENTRIES: Mapping[str, tuple[Help, ...] | NoHelp] = {
    "HighErrorRate": (_BACK, _RESTART),
    "HighLatency": (
        Help(action="scale_workload", fields={"workload": _API}),
        Help(action="scale_gpu"),
        _BACK,
    ),
    "OpenAIAPIFailures": (_KEY,),
    "ExcessiveMLFallbacks": (_KEY, Help(action="scale_gpu")),
    "TokenConsumptionSpike": NoHelp("Only the company itself knows whether it wants this usage."),
    "UsageMissing": NoHelp("The provider leaves the number of tokens out; nothing of ours brings it back."),
    "DocuChatDown": (_RESTART, _BACK),
    "ProcessRestartsOften": (_BACK,),
    "PortalDown": NoHelp("A portal that is down offers nothing; its page is followed by hand."),
    "PortalDatabaseLost": NoHelp(
        "Runs are stored in the database that is lost; `recovery-db` is followed by hand."
    ),
    "BillingRunMissed": _BILL,
    "BillingRunFailed": _BILL,
    "BillingDayOverdue": _BILL,
    "InvoicesHeld": NoHelp("A person issues each of them, with a reason of its own."),
    "MetersVanished": NoHelp("A person finds out what Prometheus no longer scrapes, or no longer selects."),
    "DayNotScanned": NoHelp("The job tries again by itself; a person finds out what Prometheus refuses."),
    "UsageWithoutCompany": NoHelp("A person finds out whose label it is."),
    "PaymentsUndecided": (Help(action="recheck_payments", fields={"payment": "all"}),),
    "PaymentsFlagged": NoHelp("A person compares what does not fit, and decides."),
    "PaymentChecksLate": NoHelp(
        "The job asks by itself as soon as it runs; its own alert says why it does not."
    ),
    "MailOutboxStuck": NoHelp("Waiting mails go out by themselves as soon as the mail server answers."),
    "MailServerRefuses": NoHelp("Only a setting of ours or the mail server's operator mends it."),
    "MailsGivenUp": (Help(action="retry_mails", fields={"mail": "all"}),),
    "SchedulerWithoutLeader": NoHelp("Without a leading scheduler no run is started."),
    "JobFailing": (Help(action="pause_job", fields={"job": "{name}"}),),
    "JobPaused": NoHelp("Whoever paused it had a reason; it is resumed on the page of jobs."),
    "AuditChainBroken": NoHelp("Evidence is left as it is."),
    "BackupTooOld": (Help(action="backup_database"),),
    "RestoreDrillFailed": (Help(action="backup_database"), Help(action="restore_drill")),
    "RolloutStuck": (
        Help(action="scale_gpu", fields=_STUCK, only={**_DEPLOYMENT, "reason": "unschedulable"}),
        Help(action="rollback_deployment", fields=_STUCK, only=_DEPLOYMENT),
        Help(action="resume_rollout", fields=_STUCK, only=_DEPLOYMENT),
        Help(action="restart_workload", fields=_STUCK),
    ),
    "KubernetesUnreachable": NoHelp("Without the cluster's API no action can change anything there."),
    "AlertDeliveryFailing": NoHelp("The portal may not change Prometheus or Alertmanager."),
    "RuleEvaluationFailing": NoHelp("The portal may not change Prometheus or Alertmanager."),
    "ConfigReloadFailed": NoHelp("The portal may not change Prometheus or Alertmanager."),
    "MetricsStorageFailing": NoHelp("The portal may not change Prometheus or Alertmanager."),
    "TargetDown": NoHelp("It may be any process; its page says how to find out which."),
    "Watchdog": NoHelp("It is to fire always.", can_be_silenced=False),
}


def offers(alert_name: str, labels: Mapping[str, str], *, fingerprint: str = "") -> tuple[ActionOffer, ...]:
    """The actions that may help against an alert, and at last its silence; none for an alert that is not ours.

    A field is filled only by a value that it would take. With the alert's fingerprint its silence is filled, too.
    """
    entry = ENTRIES.get(alert_name)
    if entry is None:
        return ()
    helps = () if isinstance(entry, NoHelp) else entry
    silence = Help(action=_SILENCE, fields={"alert": "{fingerprint}"})
    is_silenced = not isinstance(entry, NoHelp) or entry.can_be_silenced
    known = {**labels, "fingerprint": fingerprint}
    wanted = (*helps, silence) if is_silenced else helps
    actions = registry.actions()
    return tuple(
        ActionOffer(action=each.action, fields=_filled(actions[each.action], each.fields, known))
        for each in wanted
        if each.only.items() <= known.items()
    )


def _filled(action: Action[Any], templates: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    found = {name: _value(template, labels) for name, template in templates.items()}
    return {
        name: value
        for name, value in found.items()
        if value and name not in form_rules.problems_of(action.parameters, {name: value})
    }


def _value(template: str, labels: Mapping[str, str]) -> str:
    """A template with the labels in it; empty where one is missing or could be no name."""
    names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    found = {name: _first_namespace() if name == _NAMESPACE else labels.get(name, "") for name in names}
    return template.format_map(found) if all(map(_NAME.fullmatch, found.values())) else ""


def _first_namespace() -> str:
    """The namespace that the portal looks at first; empty where only the cluster's account knows it."""
    return next(iter(settings().namespaces_of_cluster), "")
