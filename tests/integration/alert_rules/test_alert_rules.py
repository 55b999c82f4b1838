"""Every alert fires when it should, ends when it should, and is silent at night and after a restart."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.sandbox import tools
from backend.sandbox.monitoring_files import RULE_FILES, SHIPPED, hastened
from runbooks.service import PAGES
from tests.alert_files import WATCHDOG, alerts

CASES = Path(__file__).with_name("cases")
FROM_CASES = "../../../../charts/docuchat/files/prometheus"


def promtool(*arguments: object, folder: Path = SHIPPED) -> str:
    """What promtool says; empty when it is content."""
    run = subprocess.run(
        [tools.monitoring().promtool, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if run.returncode == 0 else run.stdout + run.stderr


def cases_of(alert: str) -> list[dict[str, Any]]:
    return yaml.safe_load((CASES / f"{alert}.yml").read_text())["tests"]


def expectations(case: dict[str, Any], alert: str) -> list[bool]:
    """Whether the alert is expected, at one moment of a case after the other."""
    return [bool(each["exp_alerts"]) for each in case["alert_rule_test"] if each["alertname"] == alert]


def alone(alert: str, folder: Path) -> Path:
    """An alert's cases, for its own rule: promtool evaluates every rule that it is given at every minute."""
    (folder / f"{alert}.rule").write_text(
        yaml.safe_dump({"groups": [{"name": alert, "rules": [alerts()[alert]]}]})
    )
    text = (CASES / f"{alert}.yml").read_text().replace(f"{FROM_CASES}/alerts.yml", f"{alert}.rule")
    cases = folder / f"{alert}.yml"
    cases.write_text(text.replace(FROM_CASES, str(SHIPPED)))
    return cases


def test_the_cases_of_every_alert_hold(tmp_path: Path) -> None:
    assert promtool("test", "rules", *(alone(alert, tmp_path) for alert in alerts())) == ""


def test_rules_and_configuration_are_without_fault() -> None:
    assert promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES) == ""
    assert promtool("check", "config", "--syntax-only", "prometheus.yml") == ""


def test_a_wrong_case_is_seen(tmp_path: Path) -> None:
    cases = alone("TargetDown", tmp_path)
    cases.write_text(cases.read_text().replace("exp_alerts: []", "exp_alerts: [{}]"))

    assert "FAILED" in promtool("test", "rules", cases)


@pytest.mark.parametrize("alert", [each for each in alerts() if each != WATCHDOG])
def test_an_alert_has_a_case_in_which_it_waits_fires_and_ends_and_one_in_which_it_never_fires(
    alert: str,
) -> None:
    expected = [expectations(case, alert) for case in cases_of(alert)]

    assert [False, True, False] in expected
    assert any(each and not any(each) for each in expected)


def test_no_case_is_left_over_from_an_alert_that_is_gone() -> None:
    assert sorted(path.stem for path in CASES.glob("*.yml")) == sorted(alerts())


def test_what_runbooks_ask_prometheus_is_promql(tmp_path: Path) -> None:
    pages = [path.read_text() for path in sorted(PAGES.glob("*.md")) if not path.name.endswith(".fa.md")]
    asked = [
        each
        for page in pages
        for each in re.findall(r"^```promql\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    ]
    rules = [{"record": f"asked_{number}", "expr": each} for number, each in enumerate(asked)]
    (tmp_path / "asked.yml").write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))

    assert len(asked) > len(pages) / 2
    assert promtool("check", "rules", "asked.yml", folder=tmp_path) == ""


@pytest.mark.parametrize("name", RULE_FILES)
def test_hastened_rules_are_valid(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(yaml.safe_dump(hastened(yaml.safe_load((SHIPPED / name).read_text()))))

    assert promtool("check", "rules", name, folder=tmp_path) == ""
