"""The shipped Alertmanager tells the portal of everything, and mutes what only follows from something else."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from backend.sandbox import tools
from backend.sandbox.alertmanager import AlertmanagerServer
from backend.sandbox.monitoring_files import SHIPPED
from backend.sandbox.processes import free_port
from tests.alert_files import alerts
from tests.waiting import until

CONFIG = SHIPPED / "alertmanager.yml"


def labels(alert: str, **known: str) -> dict[str, str]:
    """The labels that an alert has in Alertmanager; a rule that takes its service from `job` needs one."""
    service = alerts()[alert]["labels"]["service"].replace("{{ $labels.job }}", known.get("job", ""))
    severity = alerts()[alert]["labels"]["severity"]
    return {"alertname": alert, "severity": severity, "service": service, **known}


def said(*command: object) -> str:
    """What a check says; empty when it is content."""
    run = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else run.stdout + run.stderr


def amtool(*arguments: object) -> str:
    # Of the same package as Alertmanager.
    return said(tools.monitoring().alertmanager.with_name("amtool"), *arguments)


def amlint(config: Path) -> str:
    program = Path(sys.executable).with_name("amlint")
    return said(program, "check", "--strict", "--rules", SHIPPED / "alerts.yml", config)


def test_the_configuration_is_without_fault() -> None:
    assert amtool("check-config", CONFIG) == ""
    assert amlint(CONFIG) == ""


def test_a_receiver_that_tells_nobody_and_a_rule_across_clusters_are_seen(tmp_path: Path) -> None:
    config = yaml.safe_load(CONFIG.read_text())
    del config["receivers"][0]["webhook_configs"], config["inhibit_rules"][0]["equal"]
    wrong = tmp_path / "alertmanager.yml"
    wrong.write_text(yaml.safe_dump(config))

    found = amlint(wrong)

    assert amtool("check-config", wrong) == ""
    assert "empty-receiver" in found
    assert "inhibit-no-equal" in found


@pytest.mark.parametrize("alert", ["HighErrorRate", "InvoicesHeld", "Watchdog"])
def test_every_alert_reaches_the_portal(alert: str) -> None:
    known = [f"{name}={value}" for name, value in labels(alert, job="docuchat").items()]

    verify = ["config", "routes", "test", f"--config.file={CONFIG}", "--verify.receivers=portal"]
    assert amtool(*verify, *known) == ""


MUTED = [
    ("DocuChatDown", "TargetDown", {"job": "docuchat", "instance": "a"}),
    ("DocuChatDown", "HighErrorRate", {"job": "docuchat"}),
    ("DocuChatDown", "TokenConsumptionSpike", {"tenant": "ava"}),
    ("TargetDown", "HighLatency", {"job": "docuchat"}),
    ("OpenAIAPIFailures", "ExcessiveMLFallbacks", {"model": "gpt-5.2"}),
    ("OpenAIAPIFailures", "HighLatency", {"job": "docuchat"}),
    ("PortalDown", "TargetDown", {"job": "portal", "instance": "a"}),
    ("PortalDown", "BillingRunMissed", {}),
    ("PortalDown", "AlertDeliveryFailing", {"job": "alertmanager"}),
    ("PortalDatabaseLost", "SchedulerWithoutLeader", {}),
    ("PortalDatabaseLost", "HighErrorRate", {"job": "portal"}),
    ("SchedulerWithoutLeader", "BillingRunMissed", {}),
    ("BillingRunMissed", "BillingRunFailed", {}),
    ("MailServerRefuses", "MailOutboxStuck", {}),
]
HEARD = [
    ("DocuChatDown", "HighErrorRate", {"job": "portal"}),
    ("DocuChatDown", "BillingRunMissed", {}),
    ("TargetDown", "HighErrorRate", {"job": "docuchat"}),
    ("OpenAIAPIFailures", "HighErrorRate", {"job": "docuchat"}),
    ("OpenAIAPIFailures", "ExcessiveMLFallbacks", {"model": "gpt-5.2-mini"}),
    ("OpenAIAPIFailures", "HighLatency", {"job": "portal"}),
    ("PortalDown", "HighErrorRate", {"job": "docuchat"}),
    ("PortalDown", "AlertDeliveryFailing", {"job": "prometheus"}),
    ("PortalDown", "Watchdog", {}),
    ("PortalDatabaseLost", "PortalDown", {}),
    ("SchedulerWithoutLeader", "InvoicesHeld", {}),
]


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertmanagerServer]:
    config = CONFIG.read_text().replace("http://portal:3000", f"http://127.0.0.1:{free_port()}")
    files = {"alertmanager.yml": config, "secrets/alerts-token": "a-token"}
    server = AlertmanagerServer(
        tools.monitoring().alertmanager, tmp_path_factory.mktemp("alertmanager"), files=files
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def state_of(server: AlertmanagerServer, wanted: dict[str, str]) -> str:
    """State of an alert: active, or suppressed while something mutes it; empty when there is none."""
    alerts = httpx.get(f"{server.url}/api/v2/alerts").json()
    return next((each["status"]["state"] for each in alerts if each["labels"] == wanted), "")


@pytest.mark.parametrize(
    ("source", "target", "known", "state"),
    [
        *((*each, "suppressed") for each in MUTED),
        *((*each, "active") for each in HEARD),
    ],
)
def test_a_cause_mutes_what_follows_in_its_own_cluster_only(
    alertmanager: AlertmanagerServer, source: str, target: str, known: dict[str, str], state: str
) -> None:
    # A cluster for each case, so that they share a server.
    here = f"{source} {target} {known}"
    cause = labels(source, job="docuchat", model="gpt-5.2", cluster=here)
    follower = labels(target, **known, cluster=here)
    other = labels(target, **known, cluster=f"not {here}")

    body = [{"labels": each} for each in (cause, follower, other)]
    httpx.post(f"{alertmanager.url}/api/v2/alerts", json=body).raise_for_status()

    until(lambda: state_of(alertmanager, follower) == state)
    assert state_of(alertmanager, other) == "active"
