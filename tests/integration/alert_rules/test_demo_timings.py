"""With the demo's times an incident's alert fires within 90 seconds, and is gone soon after the end."""

from collections.abc import Iterator
from itertools import accumulate, repeat
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.sandbox.companies import CHAT_MODEL
from backend.sandbox.incidents.catalogue import INCIDENTS
from backend.sandbox.monitoring_files import SHIPPED, hastened
from tests.integration.alert_rules.test_alert_rules import promtool

SCRAPED_EVERY_S = 5
CALM_S, TROUBLE_S, AFTER_S = 300, 90, 150
# As many questions a second as an incident brings to the demo at night.
QUESTIONS_PER_S = 0.5
# A week of counters at every five seconds is too long for promtool; the hand-made run of the demo shows this one.
ONLY_LIVE = {"TokenConsumptionSpike"}


def phases() -> Iterator[tuple[int, bool]]:
    """The scrapes of a test, each with whether there is trouble."""
    for length_s, is_trouble in ((CALM_S, False), (TROUBLE_S, True), (AFTER_S, False)):
        yield from repeat((SCRAPED_EVERY_S, is_trouble), length_s // SCRAPED_EVERY_S)


def counter(calm_per_s: float, trouble_per_s: float) -> str:
    """Samples of a counter that rises faster or slower in trouble."""
    steps = (every_s * (trouble_per_s if is_trouble else calm_per_s) for every_s, is_trouble in phases())
    return " ".join(f"{value:g}" for value in accumulate(steps))


def gauge(calm: int, trouble: int) -> str:
    return " ".join(str(trouble if is_trouble else calm) for _, is_trouble in phases())


def requests(kind: str, **labels: str) -> str:
    named = {"job": "docuchat", "instance": "docuchat-1", "route": "/q"} | labels
    inner = ",".join(f'{name}="{value}"' for name, value in named.items())
    return f"http_request_duration_seconds_{kind}{{{inner}}}"


def asked(outcome: str) -> str:
    return f'openai_request_total{{model="{CHAT_MODEL}",outcome="{outcome}"}}'


def series() -> dict[str, str]:
    """What the incidents do to the metrics; slow answers are successes, so they stand beside the errors."""
    half = QUESTIONS_PER_S / 2
    slow = {"1.0": (half, 0.0), "2.0": (half, 0.0), "5.0": (half, half), "+Inf": (half, half)}
    return {
        requests("count", status="200"): counter(half, half),
        requests("count", status="500"): counter(0, half),
        **{requests("bucket", status="200", le=le): counter(*rates) for le, rates in slow.items()},
        asked("ok"): counter(QUESTIONS_PER_S, 0),
        asked("unavailable"): counter(0, QUESTIONS_PER_S),
        f'ml_fallback_total{{from_model="{CHAT_MODEL}",to_model="x"}}': counter(0, QUESTIONS_PER_S),
        'up{job="docuchat",instance="docuchat-1"}': gauge(1, 0),
        'portal_billing_due_days{instance="a"}': gauge(0, 1),
        'portal_kubernetes_up{instance="a"}': gauge(1, 0),
        'portal_rollout_stuck{workload_namespace="docuchat",workload_kind="Deployment",workload="docuchat-api"}': (
            gauge(0, 1)
        ),
    }


def rule_of(alert: str) -> dict[str, Any]:
    groups = hastened(yaml.safe_load((SHIPPED / "alerts.yml").read_text()))["groups"]
    return next(rule for group in groups for rule in group["rules"] if rule["alert"] == alert)


@pytest.mark.parametrize(
    ("values", "fires_at_last"),
    [("0x11 1x60", False), ("0x11 0+1x60", True)],
    ids=["one", "one after another"],
)
def test_an_alert_that_is_lost_once_at_the_start_is_no_failing_delivery(
    values: str, *, fires_at_last: bool, tmp_path: Path
) -> None:
    rule = rule_of("AlertDeliveryFailing")
    bare = {"alert": "A", "expr": rule["expr"], "for": rule["for"]}
    (tmp_path / "rule.yml").write_text(yaml.safe_dump({"groups": [{"name": "A", "rules": [bare]}]}))
    counters = ("alertmanager_notifications_failed_total", "prometheus_notifications_dropped_total")
    fires = 'max_over_time((count(ALERTS{alertstate="firing"}) or vector(0))[3m:5s])'
    expected = {"exp_samples": [{"labels": "{}", "value": int(fires_at_last)}]}
    case = {
        "interval": f"{SCRAPED_EVERY_S}s",
        "input_series": [{"series": name, "values": values} for name in counters],
        "promql_expr_test": [{"expr": fires, "eval_time": "180s", **expected}],
    }
    document = {"rule_files": ["rule.yml"], "evaluation_interval": f"{SCRAPED_EVERY_S}s", "tests": [case]}
    (tmp_path / "case.yml").write_text(yaml.safe_dump(document))

    assert promtool("test", "rules", "case.yml", folder=tmp_path) == ""


@pytest.mark.parametrize("alert", sorted({name for one in INCIDENTS for name in one.alerts} - ONLY_LIVE))
def test_an_incidents_alert_comes_in_time_and_goes(alert: str, tmp_path: Path) -> None:
    bare = {"alert": alert, "expr": rule_of(alert)["expr"], "for": rule_of(alert).get("for", "0s")}
    (tmp_path / "rule.yml").write_text(yaml.safe_dump({"groups": [{"name": alert, "rules": [bare]}]}))
    fires = f'(count(ALERTS{{alertname="{alert}",alertstate="firing"}}) > bool 0) or vector(0)'
    wanted = {CALM_S - 5: 0, CALM_S + TROUBLE_S - 5: 1, CALM_S + TROUBLE_S + AFTER_S - 5: 0}
    case = {
        "interval": f"{SCRAPED_EVERY_S}s",
        "input_series": [{"series": name, "values": values} for name, values in series().items()],
        "promql_expr_test": [
            {"expr": fires, "eval_time": f"{second}s", "exp_samples": [{"labels": "{}", "value": value}]}
            for second, value in wanted.items()
        ],
    }
    document = {"rule_files": ["rule.yml"], "evaluation_interval": f"{SCRAPED_EVERY_S}s", "tests": [case]}
    (tmp_path / "case.yml").write_text(yaml.safe_dump(document))

    assert promtool("test", "rules", "case.yml", folder=tmp_path) == ""
