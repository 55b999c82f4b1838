"""Whatever is wrong, foreign or hostile in a form of any action is refused in words, and nothing is written."""

from collections.abc import Mapping

import pytest
from sqlalchemy import text

from backend import config
from backend.actor import Actor
from backend.db.engine import read
from backend.errors import AppError, Invalid
from backend.i18n.catalog import LANGUAGES
from backend.i18n.errors import error_text
from runbooks import asking_service, registry
from tests.integration.deploys.conftest import Site
from tests.integration.runbooks.conftest import wish

# Orders for a shell, for SQL, for a path, for a page, for libpq; marks that turn the direction; what cannot be stored.
HOSTILE = (
    "; rm -rf / #",
    "$(reboot)",
    "' OR 1=1 --",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "host=else dbname=x",
    "\u202egnp.exe",
    "a\x00b",
    "--help",
    "x" * 100_000,
)
API = "Deployment/docuchat/docuchat-api"
FOREIGN_BACKUP = "other-20260101t000000z-00000000"
# Each action, with fields that would fit, and for each field what is none of its values.
WRONG: Mapping[str, tuple[Mapping[str, str], Mapping[str, tuple[str, ...]]]] = {
    "backup_database": ({}, {}),
    "pause_job": (
        {"job": "send_mail", "reason": "a reason"},
        {"job": ("", "launch_runs", "no_such_job"), "reason": ("", "ab", "x" * 201)},
    ),
    "pause_rollout": (
        {"workload": API},
        {"workload": ("", "Deployment/kube-system/coredns", "StatefulSet/a/b")},
    ),
    "recheck_payments": ({}, {"payment": ("none", "00000000-0000-0000-0000-000000000000")}),
    "restart_workload": (
        {"workload": API},
        {"workload": ("", "Job/docuchat/x", "Deployment/kube-system/coredns")},
    ),
    "restore_database": ({"backup": FOREIGN_BACKUP}, {"backup": ("", FOREIGN_BACKUP)}),
    "restore_drill": ({}, {}),
    "restore_from_snapshot": ({"snapshot": "nightly"}, {"snapshot": ("", "nightly", "Nightly", "night.ly-")}),
    "resume_rollout": (
        {"workload": API},
        {"workload": ("", "Deployment/kube-system/coredns", "StatefulSet/a/b")},
    ),
    "retire_jwt_keys": ({"namespace": "docuchat"}, {"namespace": ("", "kube-system")}),
    "retry_mails": ({}, {"mail": ("no-such-mail",)}),
    "rollback_deployment": (
        {"workload": API, "revision": "1"},
        {
            "workload": ("", "Deployment/kube-system/coredns"),
            "revision": ("", "0", "-1", "1.5", "99", "1e3", "۹۹"),
        },
    ),
    "rotate_database_password": ({"namespace": "docuchat"}, {"namespace": ("", "kube-system")}),
    "rotate_jwt_secret": ({"namespace": "docuchat"}, {"namespace": ("", "kube-system")}),
    "rotate_metrics_token": ({"namespace": "docuchat"}, {"namespace": ("", "kube-system")}),
    "rotate_openai_key": (
        {"namespace": "docuchat"},
        {"namespace": ("", "kube-system"), "new_key": ("sk-in-the-clear", "run-input-short", "docuchat-jwt")},
    ),
    "run_billing": ({}, {"day": ("tomorrow", "1405-01-01", "2026-02-30", "9999-12-31")}),
    "scale_gpu": (
        {"workload": "Deployment/docuchat/docuchat-gpu-worker", "replicas": "1"},
        {"workload": ("", API), "replicas": ("", "-1", "51", "1.5", "NaN", "1e9")},
    ),
    "scale_workload": (
        {"workload": API, "replicas": "2"},
        {
            "workload": ("", "DaemonSet/docuchat/docuchat-log-agent"),
            "replicas": ("", "-1", "51", "1.5", "NaN"),
        },
    ),
    "silence_alert": (
        {"alert": "0123456789abcdef", "reason": "a reason"},
        {
            "alert": ("", "0123456789abcdef"),
            "scope": ("everything",),
            "length": ("forever", "999d"),
            "reason": ("", "ab", "x" * 201),
        },
    ),
}


def cells() -> list[tuple[str, Mapping[str, str]]]:
    """Every action with one field that is wrong, and with one that it does not have."""
    found: list[tuple[str, Mapping[str, str]]] = []
    for action, (fitting, fields) in WRONG.items():
        found.append((action, {**fitting, "more": "x"}))
        for name, wrong in fields.items():
            is_text = name == "reason"
            values = (*wrong, *(() if is_text else HOSTILE))
            found += [(action, {**fitting, name: value}) for value in values]
    return found


def test_every_field_of_every_action_is_in_the_table() -> None:
    assert WRONG.keys() == registry.actions().keys()
    assert {name: fields.keys() for name, (_, fields) in WRONG.items()} == {
        name: action.parameters.model_fields.keys() for name, action in registry.actions().items()
    }


def test_what_does_not_fit_or_is_not_offered_is_refused_in_words_and_nothing_is_written(
    site: Site, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    del site
    monkeypatch.setenv("DATABASE_STATEFUL_SET", "docuchat/docuchat-postgresql")
    config.settings.cache_clear()
    before = _written()

    for action, given in cells():
        with pytest.raises(Invalid) as refused:
            asking_service.ask(operator, wish(action, given))
        assert _is_worded(refused.value), (action, given)

    assert _written() == before


def _is_worded(error: AppError) -> bool:
    sentences = [error_text(error, lang) for lang in LANGUAGES]
    return all(each and "{" not in each and not each.startswith("error.") for each in sentences)


def _written() -> tuple[int, ...]:
    with read() as connection:
        tables = ("runbook_run", "runbook_step", "runbook_lock", "audit_entry", "outbox_mail")
        return tuple(connection.scalar(text(f"SELECT count(*) FROM {each}")) or 0 for each in tables)
