"""The alerts that the product ships, for the tests that ask what each of them must have."""

from typing import Any

import yaml

from backend.sandbox.monitoring_files import SHIPPED

WATCHDOG = "Watchdog"
"""The alert that always fires."""


def shipped(name: str) -> Any:
    return yaml.safe_load((SHIPPED / name).read_text())


def alerts() -> dict[str, dict[str, Any]]:
    """Every alerting rule by its name."""
    return {rule["alert"]: rule for group in shipped("alerts.yml")["groups"] for rule in group["rules"]}
