"""``python -m backend.usage``: measure the tenants' usage of a day now, with the evidence; writes nothing.

Ends with 0 when all is fine, 3 when something is held, 2 when the question is wrong, 1 when Prometheus or the
database failed.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import orjson

from backend.actor import Actor
from backend.command_line import day
from backend.config import WrongSettings, settings, usage_settings
from backend.days import in_both
from backend.errors import Invalid, Unavailable
from backend.i18n.errors import error_text
from backend.usage import service
from backend.usage.types import DayMeasurement, MeterReading, UsageRow

FINE, FAILED, WRONG, HELD = 0, 1, 2, 3
COLUMNS = ("tenant", "model", "type", "tokens", "coverage", "unseen ~", "held", "flags")

NOT_SCANNED = (
    "Not scanned yet: a counter that fell within the day, or a series that came and went, may not be seen."
)

CAUSES = {
    "connection": "Prometheus cannot be reached.",
    "timeout": "Prometheus did not answer in time.",
    "refused": "Prometheus refused the question.",
    "partial": "Prometheus warned that its answer is not whole.",
    "unreadable": "What answers at this address is no Prometheus.",
    "oversize": "The answer of Prometheus is too large.",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Answer one question; the exit code says how it went."""
    asked = _parser().parse_args(argv)
    try:
        measurement = _measured(asked.day, asked.tenant, asked.prometheus_url)
    except WrongSettings as wrong:
        return _refuse(str(wrong), WRONG)
    except Invalid:
        return _refuse(
            f"The day {in_both(asked.day)} has not begun in Tehran; there is nothing to measure yet.", WRONG
        )
    except Unavailable as trouble:
        return _refuse(_sentence(trouble), FAILED)
    if asked.json:
        sys.stdout.buffer.write(orjson.dumps(_objects(measurement), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        print(_table(measurement))
    return HELD if any(row.held for row in measurement.rows) else FINE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.usage", description=__doc__)
    parser.add_argument(
        "--day", type=day, required=True, help="a day in Tehran, such as 2026-11-22 or 1405-09-01"
    )
    parser.add_argument("--tenant", metavar="T", help="only the counters with this tenant label")
    parser.add_argument(
        "--prometheus-url",
        metavar="URL",
        help="ask this Prometheus, or several with commas between them, and no database: no stored readings then",
    )
    parser.add_argument("--json", action="store_true", help="one array, with the readings of each row")
    return parser


def _measured(wanted: date, tenant: str | None, url: str | None) -> DayMeasurement:
    asker = Actor.process_named("usage_command")
    if url is not None:
        return service.measure_elsewhere(
            asker, usage_settings(prometheus_url=url), wanted, tenant_label=tenant
        )
    settings()  # refuses wrong settings before anything is asked
    return service.measure_day(asker, wanted, tenant_label=tenant)


def _objects(measurement: DayMeasurement) -> list[dict[str, object]]:
    evidence: dict[tuple[str, str, str], list[MeterReading]] = defaultdict(list)
    for reading in measurement.readings:
        evidence[reading[:3]].append(reading)
    return [
        {
            "day": measurement.day,
            **row._asdict(),
            "is_scanned": measurement.is_scanned,
            "coverage": float(row.coverage),
            "readings": [_evidence(reading) for reading in sorted(evidence[row[:3]])],
        }
        for row in measurement.rows
    ]


def _evidence(reading: MeterReading) -> dict[str, object]:
    told = reading._asdict()
    return {name: value for name, value in told.items() if name not in {"tenant", "model", "type"}}


def _table(measurement: DayMeasurement) -> str:
    window = measurement.window
    head = (
        f"{in_both(measurement.day)}, from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
    )
    if not measurement.rows:
        return f"{head}\nNo usage."
    lines = [COLUMNS, *map(_cells, measurement.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    total = f"{sum(row.tokens for row in measurement.rows):,} tokens, {measurement.series} meters"
    is_closed = measurement.measured_at >= window.end
    unseen = [NOT_SCANNED] if is_closed and not measurement.is_scanned else []
    return "\n".join([head, *(line.rstrip() for line in shown), total, *unseen])


def _cells(row: UsageRow) -> tuple[str, ...]:
    return (
        _printable(row.tenant),
        _printable(row.model),
        _printable(row.type),
        f"{row.tokens:,}",
        f"{row.coverage:.3%}",
        f"{row.unseen_estimate:,}",
        "held" if row.held else "",
        " ".join(row.flags),
    )


def _printable(label: str) -> str:
    """A label from outside never moves the terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in label)


def _sentence(trouble: Unavailable) -> str:
    if trouble.data.get("service") != "prometheus":
        return error_text(trouble, "en")
    cause = CAUSES.get(str(trouble.data.get("cause")), "It gave no whole answer.")
    sentence = error_text(trouble, "en") if trouble.data.get("reason") else f"Nothing was measured. {cause}"
    server, detail = (_printable(str(trouble.data.get(name, ""))) for name in ("server", "detail"))
    return sentence + (f" Asked: {server}." if server else "") + (f" It said: {detail}" if detail else "")


def _refuse(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
