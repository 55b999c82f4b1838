"""An incarnation with its readings, as tests of the tally need it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backend.usage.metering.coverage import ObservedTime
from backend.usage.metering.incarnations import Incarnation
from backend.usage.metering.opening_rules import IncarnationKind, OpeningReadings
from backend.usage.metering.tally_rules import IncarnationReadings
from backend.usage.types import Key

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OBSERVATION = ObservedTime(1000, 0, gap_across_boundary=False, ended_ms=None, tail_ms=0)
START_US = 1_000_000
OF_OPENING = frozenset(OpeningReadings.__dataclass_fields__)


def incarnation(
    closings: Mapping[Key, int], scraped: Mapping[Key, int] | None = None, **more: Any
) -> IncarnationReadings:
    """One that was scraped before the window, or what ``kind`` says; the rest goes where it belongs."""
    process = Incarnation("pod:1", more.pop("start_us", START_US), [], [])
    opening = {name: more.pop(name) for name in OF_OPENING & more.keys()}
    given: dict[str, Any] = {
        "incarnation": process,
        "observation": OBSERVATION,
        "closings": dict(closings),
        "closed_at": NOON,
        "opening": OpeningReadings(
            **{
                "kind": IncarnationKind.KNOWN,
                "started_at": process.started_at,
                "scraped": dict(scraped or {}),
                "scraped_at": NOON,
                **opening,
            }
        ),
    }
    return IncarnationReadings(**given | more)
