"""Configuration of the stack's Prometheus and Alertmanager: the shipped files with shorter times and our addresses.

Whatever is not a time, an address or a credential stays as it is shipped, so a rule that fires here fires there.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import yaml

from backend.sandbox import history
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.site import Site

SHIPPED = REPOSITORY / "charts/docuchat/files/prometheus"
# Grafana's server comes in no package.
NOT_HERE = frozenset({"grafana"})
RULE_FILES = ("alerts.yml", "recording.yml")

LONGEST_WAIT_S = 15
LONGEST_INTERVAL_S = 60
# A rate needs some scrapes. What looks back for a day or longer has the demo's history to look at.
WINDOW_DIVISOR = 5
SHORTEST_WINDOW_S, LONGEST_WINDOW_S = 60, 120
LONG_VIEW_S = 86_400

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# True for a whole window after a single failure.
_ANY_FAILURE = re.compile(r"rate\([^()]*\)\) > 0(?![\d.])")
_WINDOW = re.compile(r"\[(\d+)([smhdw])\]")

Document: TypeAlias = dict[str, Any]


def prometheus_files(site: Site) -> dict[str, str]:
    """The files of the stack's Prometheus by their names, the credentials among them."""
    config = _shipped("prometheus.yml")
    every = f"{site.scrape_interval_s}s"
    config["global"] |= dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), every)
    config["alerting"]["alertmanagers"] = [
        _at(each, [_target(site, "alertmanager")]) for each in config["alerting"]["alertmanagers"]
    ]
    config["scrape_configs"] = [
        _at(each, _targets(site, each["job_name"]))
        for each in config["scrape_configs"]
        if each["job_name"] not in NOT_HERE
    ]
    return {
        "prometheus.yml": _text(config),
        **{name: _text(hastened(_shipped(name))) for name in RULE_FILES},
        "secrets/metrics-token": site.metrics_token,
    }


def alertmanager_files(site: Site) -> dict[str, str]:
    """The files of the stack's Alertmanager by their names, the credentials among them."""
    config = _shipped("alertmanager.yml")
    config["route"] |= {"group_wait": "1s", "group_interval": "5s"}
    for receiver in config["receivers"]:
        for webhook in receiver["webhook_configs"]:
            webhook["url"] = f"{site.web_url}/api/v1/alerts"
    return {"alertmanager.yml": _text(config), "secrets/alerts-token": site.alerts_token}


def without_alerts(files: Mapping[str, str]) -> dict[str, str]:
    """The same files of a Prometheus that watches nothing yet."""
    return {**files, "alerts.yml": "groups: []\n"}


def hastened(rules: Mapping[str, Any]) -> Document:
    """Rules for somebody who watches: shorter waits, windows and intervals, and nothing else."""
    return {**rules, "groups": [_hastened_group(group) for group in rules["groups"]]}


def _hastened_group(group: Document) -> Document:
    shorter = _at_most(group, "interval", LONGEST_INTERVAL_S)
    return {**shorter, "rules": [_hastened_rule(rule) for rule in group["rules"]]}


def _hastened_rule(rule: Document) -> Document:
    expression = _WINDOW.sub(_shorter_window, rule["expr"])
    shorter = _at_most(rule, "for", LONGEST_WAIT_S + (_window_s(expression) if _forgives_one(rule) else 0))
    return {**shorter, "expr": expression}


def _forgives_one(rule: Document) -> bool:
    """Whether a failure that stays alone has left the window before the alert would fire."""
    wait_s = _seconds(rule["for"]) if "for" in rule else 0
    return bool(_ANY_FAILURE.search(rule["expr"])) and wait_s > _window_s(rule["expr"])


def _window_s(expression: str) -> int:
    return max((_seconds("".join(found)) for found in _WINDOW.findall(expression)), default=0)


def _seconds(text: str) -> int:
    return int(text[:-1]) * _SECONDS[text[-1]]


def _at_most(document: Document, key: str, longest_s: int) -> Document:
    if key not in document:
        return document
    return {**document, key: f"{min(_seconds(document[key]), longest_s)}s"}


def _shorter_window(found: re.Match[str]) -> str:
    seconds = _seconds(found[1] + found[2])
    if seconds < LONG_VIEW_S:
        seconds = min(max(seconds // WINDOW_DIVISOR, SHORTEST_WINDOW_S), LONGEST_WINDOW_S)
    return f"[{seconds}s]"


def _at(config: Document, targets: Sequence[Document]) -> Document:
    """A configuration whose targets are found at fixed addresses, in the place where it said how to find them."""
    return {
        ("static_configs" if key.endswith("_sd_configs") else key): (
            list(targets) if key.endswith(("_sd_configs", "static_configs")) else value
        )
        for key, value in config.items()
    }


def _targets(site: Site, job: str) -> list[Document]:
    match job:
        case history.JOB:
            return [_target(site, name, instance=name) for name in history.INSTANCES]
        case "portal":
            return [_target(site, "web", instance="portal-web")]
        case "jobs":
            return [_target(site, "jobs", instance="portal-jobs")]
        case _:
            return [_target(site, job, instance=job)]


def _target(site: Site, part: str, *, instance: str = "") -> Document:
    # A series keeps its name although the process listens on another port tomorrow.
    labels = {"labels": {"instance": instance}} if instance else {}
    return {"targets": [f"127.0.0.1:{site.ports[part]}"], **labels}


def _shipped(name: str) -> Document:
    document: Document = yaml.safe_load((SHIPPED / name).read_text())
    return document


def _text(document: Document) -> str:
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000))
