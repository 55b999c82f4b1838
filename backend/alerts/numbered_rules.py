"""Rules for what a model may read of alerts: an allow-list, numbered, cleaned and cut."""

from collections.abc import Iterable
from functools import lru_cache

from backend.alerts.types import AlertGroup, Firing
from backend.assistant.types import NumberedAlert
from backend.free_text import received
from backend.redaction import Redactor

MOST_ALERTS = 50
LONGEST_FACT = 200
_LABELS = ("tenant", "model", "job", "instance", "pod", "node", "namespace")
_ANNOTATIONS = ("summary", "description")


def numbered(groups: Iterable[AlertGroup]) -> list[NumberedAlert]:
    """The alerts of these groups, the first ones first, numbered from 1; those beyond 50 are left out."""
    found = [
        (place, alert) for place, group in enumerate(groups, 1) for alert in (*group.alerts, *group.followers)
    ]
    return [_numbered(number, place, alert) for number, (place, alert) in enumerate(found[:MOST_ALERTS], 1)]


def _numbered(number: int, group: int, firing: Firing) -> NumberedAlert:
    given = {
        **{name: firing.labels[name] for name in _LABELS if name in firing.labels},
        **{name: firing.annotations[name] for name in _ANNOTATIONS if name in firing.annotations},
    }
    facts = ((name, _clean(value)) for name, value in given.items())
    return NumberedAlert(
        number=number,
        group=group,
        fingerprint=firing.fingerprint,
        name=_clean(firing.name),
        severity=firing.severity.value,
        service=_clean(firing.service),
        is_muted=firing.muting.is_muted,
        started_at=firing.started_at,
        facts=tuple((name, value) for name, value in facts if value),
    )


@lru_cache(maxsize=5_000)
def _clean(text: str) -> str:
    return received(" ".join(Redactor().text(text).split("\n")), LONGEST_FACT)
