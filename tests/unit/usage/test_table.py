"""The answer to people at a terminal."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import orjson
import pytest

from backend.actor import Actor
from backend.clock import day_window
from backend.config import UsageSettings
from backend.errors import Unavailable
from backend.usage import __main__ as command
from backend.usage import service
from backend.usage.types import DayMeasurement, MeterReading, OpeningSource, UsageFlag, UsageRow

DAY = date(2026, 11, 22)


def measured(
    *rows: UsageRow, readings: Sequence[MeterReading] = (), is_scanned: bool = True
) -> DayMeasurement:
    window = day_window(DAY)
    return DayMeasurement(
        day=DAY,
        window=window,
        measured_at=window.end,
        rows=list(rows),
        readings=list(readings),
        series=len(rows),
        incarnations=[],
        is_scanned=is_scanned,
    )


def test_a_day_is_a_table_with_what_is_held_and_why() -> None:
    flags = (UsageFlag.COLD_START, UsageFlag.LOW_COVERAGE)

    told = command._table(
        measured(
            UsageRow("acme", "gpt-4o", "prompt", 1_234_567, Decimal(1), 0, False, ()),
            UsageRow("ac\x1bme", "gpt\n", "completion", 8, Decimal("0.5"), 1_200, True, flags),
        )
    )

    assert told.splitlines() == [
        "2026-11-22 (1405-09-01), from 2026-11-21 20:30 to 2026-11-22 20:30 UTC",
        "tenant  model   type        tokens     coverage  unseen ~  held  flags",
        "acme    gpt-4o  prompt      1,234,567  100.000%  0",
        "ac?me   gpt?    completion  8          50.000%   1,200     held  cold_start low_coverage",
        "1,234,575 tokens, 2 meters",
    ]


def test_a_day_without_usage_says_so() -> None:
    assert command._table(measured()).splitlines()[1:] == ["No usage."]


@pytest.mark.parametrize("is_scanned", [True, False])
def test_a_closed_day_that_is_not_scanned_says_so(*, is_scanned: bool) -> None:
    row = UsageRow("acme", "m", "prompt", 9, Decimal(1), 0, False, ())

    told = command._table(measured(row, is_scanned=is_scanned))

    assert (command.NOT_SCANNED in told) is not is_scanned


def test_programs_get_an_object_for_each_row_with_its_own_readings_in_order() -> None:
    window = day_window(DAY)
    rows = [UsageRow("acme", "m", kind, 9, Decimal("0.98765"), 3, False, ("open",)) for kind in ("a", "b")]
    opening = (1, window.start, OpeningSource.SCRAPED)
    second, first, other = (
        MeterReading("acme", "m", kind, pod, window.start, *opening, 10, window.end)
        for kind, pod in (("a", "pod:2"), ("a", "pod:1"), ("b", "pod:1"))
    )

    told = orjson.loads(orjson.dumps(command._objects(measured(*rows, readings=[second, first, other]))))

    assert [[each["instance"] for each in row.pop("readings")] for row in told] == [
        ["pod:1", "pod:2"],
        ["pod:1"],
    ]
    assert told[0] == {
        "day": "2026-11-22",
        "tenant": "acme",
        "model": "m",
        "type": "a",
        "tokens": 9,
        "coverage": 0.98765,
        "unseen_estimate": 3,
        "held": False,
        "flags": ["open"],
        "is_scanned": True,
    }


def test_a_reading_names_its_process_and_not_again_what_its_row_names() -> None:
    window = day_window(DAY)
    reading = MeterReading(
        "acme", "m", "a", "pod:1", window.start, 1, window.start, "scraped", 10, window.end
    )

    assert command._evidence(reading) == {
        "instance": "pod:1",
        "incarnation_start": window.start,
        "opening": 1,
        "opened_at": window.start,
        "opening_source": "scraped",
        "closing": 10,
        "closed_at": window.end,
    }


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        *command.CAUSES.items(),
        pytest.param("unheard of", "It gave no whole answer.", id="unknown"),
        pytest.param(None, "It gave no whole answer.", id="none"),
    ],
)
def test_a_failure_of_prometheus_says_why_nothing_was_measured(cause: str | None, said: str) -> None:
    trouble = Unavailable(service="prometheus", **({"cause": cause} if cause else {}))

    assert command._sentence(trouble) == f"Nothing was measured. {said}"


def test_a_failure_names_the_server_and_its_words_without_their_control_characters() -> None:
    trouble = Unavailable(
        service="prometheus", cause="refused", server="http://p.test:9090", detail="parse\x1b[2J error"
    )

    assert command._sentence(trouble) == (
        "Nothing was measured. Prometheus refused the question."
        " Asked: http://p.test:9090. It said: parse?[2J error"
    )


@pytest.mark.parametrize(("held", "code"), [(False, 0), (True, 3)])
def test_the_exit_code_says_whether_something_is_held(
    held: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [UsageRow("acme", "m", "a", 1, Decimal(1), 0, each, ()) for each in (False, held, False)]
    asked: list[tuple[str, date, str | None]] = []

    def measure(
        _actor: Actor, given: UsageSettings, day: date, *, tenant_label: str | None
    ) -> DayMeasurement:
        asked.append((given.prometheus_url[0], day, tenant_label))
        return measured(*rows)

    monkeypatch.setattr(service, "measure_elsewhere", measure)

    told = command.main(["--day", "1405-09-01", "--tenant", "acme", "--prometheus-url", "http://p.test"])

    assert (told, asked) == (code, [("http://p.test", DAY, "acme")])
    assert "3 tokens, 3 meters" in capsys.readouterr().out
