"""Small makers of what the rules of alerts take."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count

from backend.alerts.types import Firing, FiringId, Muting, Severity

START = datetime(2026, 11, 28, 12, tzinfo=UTC)

_numbers = count(1)


def firing(
    name: str = "HighLatency",
    *,
    service: str = "api",
    severity: Severity = Severity.WARNING,
    started_at: datetime = START,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    fingerprint: str = "",
    muting: Muting = Muting(),  # noqa: B008 - it is frozen
) -> Firing:
    """An alert that fires."""
    number = next(_numbers)
    return Firing(
        id=FiringId(number),
        fingerprint=fingerprint or f"f{number:06}",
        name=name,
        severity=severity,
        service=service,
        labels={"alertname": name, "service": service, **(labels or {})},
        annotations=dict(annotations or {}),
        started_at=started_at,
        seen_at=started_at,
        muting=muting,
    )
