"""The demo's Prometheus and Alertmanager have the shipped files: only times, addresses and credentials differ."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.sandbox.monitoring_files import (
    LONG_VIEW_S,
    NOT_HERE,
    RULE_FILES,
    SHIPPED,
    alertmanager_files,
    hastened,
    prometheus_files,
    without_alerts,
)
from backend.sandbox.site import PORT_NAMES, Site

WINDOW = re.compile(r"\[(\w+)\]")
TIMES = ("for", "interval", "keep_firing_for")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.ports = {name: 20_000 + number for number, name in enumerate(PORT_NAMES)}
    return site


def shipped(name: str) -> Any:
    return yaml.safe_load((SHIPPED / name).read_text())


def rules(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in document["groups"]:
        yield group
        yield from group["rules"]


def without_times(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Groups and rules with a mark in the place of each wait and window."""
    return [
        {
            key: "…" if key in TIMES else WINDOW.sub("[…]", value) if key == "expr" else value
            for key, value in each.items()
            if key != "rules"
        }
        for each in rules(document)
    ]


def times(document: dict[str, Any]) -> list[int]:
    texts = [
        text
        for each in rules(document)
        for text in (*(each[key] for key in TIMES if key in each), *WINDOW.findall(each.get("expr", "")))
    ]
    return [int(text[:-1]) * SECONDS[text[-1]] for text in texts]


@pytest.mark.parametrize("name", RULE_FILES)
def test_nothing_differs_from_the_shipped_rules_but_shorter_times(name: str, site: Site) -> None:
    ours, theirs = yaml.safe_load(prometheus_files(site)[name]), shipped(name)

    assert without_times(ours) == without_times(theirs)
    assert all(mine <= given for mine, given in zip(times(ours), times(theirs), strict=True))
    assert sum(times(ours)) < sum(times(theirs))


def test_whoever_watches_sees_an_alert_within_ninety_seconds(site: Site) -> None:
    found = yaml.safe_load(prometheus_files(site)["alerts.yml"])

    assert max(each for each in times(found) if each < LONG_VIEW_S) <= 120
    waits = [int(rule["for"][:-1]) for rule in rules(found) if "for" in rule]
    assert max(waits) <= 75
    assert sum(wait > 15 for wait in waits) == 2


def test_a_changed_threshold_would_be_seen() -> None:
    theirs = shipped("alerts.yml")
    ours = hastened(theirs)
    ours["groups"][0]["rules"][0]["expr"] = ours["groups"][0]["rules"][0]["expr"].replace("0.05", "0.01")

    assert without_times(ours) != without_times(theirs)


def test_while_the_stack_starts_it_scrapes_already_and_alerts_nobody(site: Site) -> None:
    files = prometheus_files(site)
    quiet = without_alerts(files)

    assert list(rules(yaml.safe_load(quiet["alerts.yml"]))) == []
    assert {name for name, text in files.items() if quiet[name] != text} == {"alerts.yml"}


def jobs(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Scrape configurations without the way to their targets."""
    return [
        {key: value for key, value in job.items() if not key.endswith("_configs") or key == "relabel_configs"}
        for job in document["scrape_configs"]
    ]


def test_nothing_differs_from_the_shipped_scrapes_but_addresses_and_intervals(site: Site) -> None:
    files = prometheus_files(site)
    ours, theirs = yaml.safe_load(files["prometheus.yml"]), shipped("prometheus.yml")

    assert jobs(ours) == [job for job in jobs(theirs) if job["job_name"] not in NOT_HERE]
    assert set(ours) == set(theirs)
    assert ours["rule_files"] == theirs["rule_files"]
    assert set(theirs["rule_files"]) == set(RULE_FILES)
    assert set(ours["global"]) == set(theirs["global"])
    assert {name for name, value in ours["global"].items() if value != theirs["global"][name]} == {
        "scrape_interval",
        "scrape_timeout",
        "evaluation_interval",
    }
    addresses = {
        target
        for job in ours["scrape_configs"]
        for each in job["static_configs"]
        for target in each["targets"]
    }
    named = ("docuchat-1", "docuchat-2", "web", "jobs", "prometheus", "alertmanager")
    assert addresses == {f"127.0.0.1:{site.ports[name]}" for name in named}
    assert files["secrets/metrics-token"] == site.metrics_token


def test_nothing_differs_from_the_shipped_alertmanager_but_its_address_and_patience(site: Site) -> None:
    files = alertmanager_files(site)
    ours, theirs = yaml.safe_load(files["alertmanager.yml"]), shipped("alertmanager.yml")

    assert ours["receivers"][0]["webhook_configs"][0].pop("url") == f"{site.web_url}/api/v1/alerts"
    assert theirs["receivers"][0]["webhook_configs"][0].pop("url").endswith("/api/v1/alerts")
    for each in (ours, theirs):
        del each["route"]["group_wait"], each["route"]["group_interval"]
    assert ours == theirs
    assert files["secrets/alerts-token"] == site.alerts_token
