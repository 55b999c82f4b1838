"""One level and its reason for each kind of trouble, and for several at once."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from backend.alerts.types import Severity, SourceKind
from backend.backups.types import BackupHealth, RestoreDrill
from backend.deploys.types import ClusterHealth, RolloutState, StuckKind, Workloads
from backend.job_runs.types import JobState
from backend.overview import rules
from backend.overview.types import Facts, Fullness, Level, ServiceState, SourceReading, TroubleKind
from backend.usage.types import MeterContinuity
from tests.unit.overview.facts import (
    EARLIER,
    MEASURES,
    MUTED,
    NOW,
    OUTBOX,
    PAYMENTS,
    WELL,
    alarm,
    alerting,
    billing,
    but,
    cluster,
    firing,
    job,
    scheduler,
    silent,
    workload,
)

K, DAY = TroubleKind, date(2026, 11, 27)
WATCHDOG, MANAGER = alarm(SourceKind.WATCHDOG, "watchdog"), alarm(SourceKind.ALERTMANAGER, "am-1:9093")


@pytest.mark.parametrize(
    ("facts", "level", "kinds"),
    [
        pytest.param(WELL, Level.OK, [], id="all is well"),
        # Alerts.
        pytest.param(
            but(alerts=alerting(firing("HighErrorRate"))), Level.BAD, [K.CRITICAL_ALERTS], id="critical"
        ),
        pytest.param(
            but(alerts=alerting(firing("Slow", Severity.WARNING))),
            Level.WARN,
            [K.WARNING_ALERTS],
            id="warning",
        ),
        pytest.param(but(alerts=alerting(firing("Note", Severity.INFO))), Level.OK, [], id="for information"),
        pytest.param(
            but(alerts=alerting(firing("HighErrorRate", muting=MUTED))), Level.OK, [], id="silenced"
        ),
        pytest.param(
            but(alerts=alerting(alarms=(WATCHDOG,))), Level.BAD, [K.WATCHDOG_MISSING], id="no Watchdog"
        ),
        pytest.param(
            but(alerts=alerting(alarms=(MANAGER,))), Level.BAD, [K.ALERT_SOURCE_LOST], id="no Alertmanager"
        ),
        pytest.param(
            but(alerts=alerting(is_blind=True)), Level.UNKNOWN, [K.ALERTS_UNWATCHED], id="nobody looks"
        ),
        # Rollouts.
        pytest.param(
            but(cluster=cluster(workload("api", RolloutState.STUCK, StuckKind.CRASH))),
            Level.BAD,
            [K.ROLLOUT_STUCK],
            id="stuck",
        ),
        pytest.param(
            but(cluster=cluster(workload("api", RolloutState.FAILED))),
            Level.BAD,
            [K.ROLLOUT_FAILED],
            id="failed",
        ),
        pytest.param(
            but(cluster=cluster(workload("api", RolloutState.PROGRESSING))), Level.OK, [], id="moving"
        ),
        pytest.param(
            but(cluster=Workloads(health=ClusterHealth(is_configured=False))), Level.OK, [], id="no cluster"
        ),
        # Billing.
        pytest.param(
            but(billing=billing(meters=MeterContinuity(40, 19))),
            Level.WARN,
            [K.METERS_VANISHED],
            id="meters vanished",
        ),
        pytest.param(but(billing=billing(meters=MeterContinuity(40, 20))), Level.OK, [], id="half of them"),
        pytest.param(but(billing=billing(overdue_days=[DAY])), Level.BAD, [K.DAYS_OVERDUE], id="overdue"),
        pytest.param(
            but(billing=billing(late_days=(DAY,))), Level.BAD, [K.BILLING_LATE], id="a missed night"
        ),
        pytest.param(
            but(billing=billing(last_finished_at=EARLIER, last_failed_at=NOW)),
            Level.WARN,
            [K.BILLING_FAILED],
            id="run failed",
        ),
        pytest.param(
            but(billing=billing(last_finished_at=None, last_failed_at=NOW)),
            Level.WARN,
            [K.BILLING_FAILED],
            id="first run failed",
        ),
        pytest.param(but(billing=billing(open_days=[DAY])), Level.OK, [], id="a day that is not due"),
        pytest.param(but(billing=billing(held=2)), Level.WARN, [K.INVOICES_HELD], id="held"),
        # Payments.
        pytest.param(
            but(payments=replace(PAYMENTS, undecided=1)), Level.WARN, [K.PAYMENTS_UNDECIDED], id="undecided"
        ),
        pytest.param(
            but(payments=replace(PAYMENTS, flagged=1)), Level.WARN, [K.PAYMENTS_FLAGGED], id="flagged"
        ),
        pytest.param(
            but(payments=replace(PAYMENTS, overdue_checks=1)),
            Level.WARN,
            [K.PAYMENT_CHECKS_LATE],
            id="checks late",
        ),
        # Jobs.
        pytest.param(but(jobs=scheduler(leader=None)), Level.BAD, [K.NO_LEADER], id="no leader"),
        pytest.param(
            but(jobs=scheduler(job("send_mail", pause="x"))), Level.WARN, [K.JOBS_PAUSED], id="paused"
        ),
        pytest.param(
            but(jobs=scheduler(job("housekeeping", state=JobState.FAILED))),
            Level.WARN,
            [K.JOB_FAILED],
            id="job failed",
        ),
        # Mail.
        pytest.param(but(mail=replace(OUTBOX, given_up=1)), Level.WARN, [K.MAIL_STUCK], id="given up"),
        pytest.param(but(mail=replace(OUTBOX, rejected=1)), Level.WARN, [K.MAIL_STUCK], id="rejected"),
        pytest.param(
            but(mail=replace(OUTBOX, oldest_waiting=NOW - timedelta(minutes=16))),
            Level.WARN,
            [K.MAIL_STUCK],
            id="waits long",
        ),
        pytest.param(
            but(mail=replace(OUTBOX, oldest_waiting=NOW - timedelta(minutes=15))),
            Level.OK,
            [],
            id="waits its time",
        ),
        # Golden signals; those of all is well lie on the lines.
        pytest.param(but(measures=replace(MEASURES, error_share=0.051)), Level.WARN, [K.ERRORS], id="errors"),
        pytest.param(but(measures=replace(MEASURES, p95_s=2.1)), Level.WARN, [K.SLOW], id="slow"),
        pytest.param(
            but(measures=replace(MEASURES, fallback_share=0.11)), Level.WARN, [K.FALLBACKS], id="fallbacks"
        ),
        pytest.param(
            but(measures=replace(MEASURES, fullness=(Fullness(name="volume", share=0.9),))),
            Level.WARN,
            [K.SATURATED],
            id="full",
        ),
        pytest.param(
            but(measures=replace(MEASURES, error_share=None, p95_s=None, fallback_share=None)),
            Level.OK,
            [],
            id="no traffic",
        ),
        # Sources.
        pytest.param(but(measures=silent(MEASURES)), Level.UNKNOWN, [K.SOURCE_UNKNOWN], id="no Prometheus"),
        pytest.param(but(cluster=silent()), Level.UNKNOWN, [K.SOURCE_UNKNOWN], id="no Kubernetes"),
        pytest.param(but(provider=silent()), Level.WARN, [K.DEPENDENCY_AWAY], id="no provider"),
        pytest.param(but(changes=silent()), Level.OK, [], id="only the changes are unknown"),
        pytest.param(but(mail=SourceReading()), Level.UNKNOWN, [K.LOOKING], id="not read yet"),
        pytest.param(Facts(), Level.UNKNOWN, [K.LOOKING], id="nothing read yet"),
        # Several at once.
        pytest.param(
            but(
                database=silent(),
                alerts=silent(),
                billing=silent(),
                payments=silent(),
                jobs=silent(),
                mail=silent(),
            ),
            Level.UNKNOWN,
            [K.DATABASE_LOST],
            id="a lost database explains what lives in it",
        ),
        pytest.param(
            but(
                alerts=alerting(firing("A"), firing("B", Severity.WARNING)),
                measures=silent(),
                billing=billing(held=1),
            ),
            Level.BAD,
            [K.CRITICAL_ALERTS, K.SOURCE_UNKNOWN, K.WARNING_ALERTS, K.INVOICES_HELD],
            id="the worst first",
        ),
        pytest.param(
            but(jobs=scheduler(job("a", pause="x"), job("b", state=JobState.FAILED), leader=None)),
            Level.BAD,
            [K.NO_LEADER, K.JOBS_PAUSED, K.JOB_FAILED],
            id="of one source",
        ),
    ],
)
def test_the_level_and_its_reasons(facts: Facts, level: Level, kinds: list[TroubleKind]) -> None:
    health = rules.health(facts, NOW)

    assert (health.level, [each.kind for each in health.troubles]) == (level, kinds)


def test_a_reason_says_since_when_how_many_and_what() -> None:
    [critical] = rules.health(but(alerts=alerting(firing("A"), firing("B"))), NOW).troubles
    [stuck] = rules.health(
        but(cluster=cluster(workload("api", RolloutState.STUCK, StuckKind.CRASH))), NOW
    ).troubles
    [paused] = rules.health(but(jobs=scheduler(job("send_mail", pause="x"))), NOW).troubles
    [away] = rules.health(but(gateway=silent()), NOW).troubles

    assert (critical.count, critical.name, critical.since) == (2, "A", EARLIER)
    assert (stuck.count, stuck.name, stuck.since) == (1, "api", EARLIER)
    assert (paused.count, paused.name, paused.since) == (1, "send_mail", EARLIER)
    assert (away.name, away.since) == ("gateway", EARLIER)


def test_what_is_unknown_is_never_well_whatever_was_known_last() -> None:
    for source in rules.ESSENTIAL:
        lost = replace(getattr(WELL, source.value), unknown_since=EARLIER)

        assert rules.health(but(**{source.value: lost}), NOW).level == Level.UNKNOWN, source


def test_rollouts_under_way_are_told_beside_the_level() -> None:
    moving = cluster(workload("api", RolloutState.PROGRESSING), workload("worker", RolloutState.DONE))

    assert rules.health(but(cluster=moving), NOW).moving == ("api",)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param(WELL, ServiceState.CLEAR, id="clear"),
        pytest.param(but(alerts=alerting(firing("A", service="mail"))), ServiceState.CRITICAL, id="critical"),
        pytest.param(
            but(alerts=alerting(firing("A", Severity.WARNING, "mail"))), ServiceState.WARNING, id="warning"
        ),
        pytest.param(
            but(alerts=alerting(firing("A", service="mail", muting=MUTED))),
            ServiceState.SILENCED,
            id="silenced",
        ),
        pytest.param(
            but(
                alerts=alerting(
                    firing("A", service="mail", muting=MUTED), firing("B", Severity.WARNING, "mail")
                )
            ),
            ServiceState.WARNING,
            id="one silenced and one heard",
        ),
        pytest.param(but(alerts=silent()), ServiceState.UNKNOWN, id="unknown"),
        pytest.param(
            but(alerts=alerting(firing("A", service="mail")), jobs=scheduler(job("send_mail", pause="x"))),
            ServiceState.DISABLED,
            id="switched off stands above all",
        ),
    ],
)
def test_a_service_has_one_state(facts: Facts, expected: ServiceState) -> None:
    states = {each.service: each.state for each in rules.service_states(facts)}

    assert states["mail"] == expected
    assert set(rules.SERVICES) <= states.keys()


def test_a_service_that_only_an_alert_names_is_shown() -> None:
    states = {
        each.service: each.state
        for each in rules.service_states(but(alerts=alerting(firing("A", service="gpu"))))
    }

    assert states["gpu"] == ServiceState.CRITICAL


@pytest.mark.parametrize(
    ("backup_h", "passed_h", "error", "found"),
    [
        pytest.param(10, 8, "", [], id="well"),
        pytest.param(31, 8, "", [(Level.BAD, TroubleKind.BACKUP_OLD)], id="no backup in the night"),
        pytest.param(None, None, "", [(Level.BAD, TroubleKind.BACKUP_OLD), (Level.WARN, TroubleKind.DRILL_LATE)], id="never"),  # noqa: E501 - a table
        pytest.param(10, 51, "", [(Level.WARN, TroubleKind.DRILL_LATE)], id="no drill in two nights"),
        pytest.param(10, 30, "refused.backup_damaged", [(Level.BAD, TroubleKind.DRILL_FAILED)], id="a flipped byte"),
    ],
)  # fmt: skip
def test_backups_are_in_trouble_when_they_are_old_or_cannot_be_restored(
    backup_h: int | None, passed_h: int | None, error: str, found: list[tuple[Level, TroubleKind]]
) -> None:
    drill = RestoreDrill(
        run="0a1b2c3d", backup="portal", started_at=NOW, finished_at=NOW, row_count=7, error=error
    )
    known = BackupHealth(
        backup_at=NOW - timedelta(hours=backup_h) if backup_h else None,
        size_bytes=1,
        drill=drill if passed_h else None,
        passed_at=NOW - timedelta(hours=passed_h) if passed_h else None,
        expected_since=NOW - timedelta(days=90),
    )

    health = rules.health(but(backups=known), NOW)

    assert [(each.level, each.kind) for each in health.troubles] == found
    assert rules.backup_level(known, NOW) == (found[0][0] if found else Level.OK)


@pytest.mark.parametrize(
    ("began_h", "found"),
    [
        pytest.param(1, [], id="just installed"),
        pytest.param(29, [], id="before the first night has gone by"),
        pytest.param(31, [TroubleKind.BACKUP_OLD], id="a night without a backup"),
        pytest.param(51, [TroubleKind.BACKUP_OLD, TroubleKind.DRILL_LATE], id="two nights without a drill"),
        pytest.param(None, [], id="switched off"),
    ],
)
def test_an_installation_that_was_never_backed_up_is_in_trouble_from_its_second_night_on(
    began_h: int | None, found: list[TroubleKind]
) -> None:
    since = NOW - timedelta(hours=began_h) if began_h else None
    known = BackupHealth(backup_at=None, size_bytes=0, drill=None, passed_at=None, expected_since=since)

    health = rules.health(but(backups=known), NOW)

    assert [each.kind for each in health.troubles] == found
    states = {each.service: each.state for each in health.services}
    assert states["backups"] == (ServiceState.CLEAR if began_h else ServiceState.DISABLED)
