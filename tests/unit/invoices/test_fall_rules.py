"""Meters that fell, on an invoice: nothing is lost or made between the two figures."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from backend.errors import Invalid
from backend.invoices.fall_rules import as_released, figure_of, tokens_of, with_figure
from backend.invoices.types import InvoiceLine
from backend.usage.types import FallFigure, MeterFall, MeterReading, OpeningSource, UsageRow

MIDNIGHT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
STARTED = datetime(2026, 11, 19, 8, 0, tzinfo=UTC)
LEAST, MOST = FallFigure


def fall(
    least: int, most: int, *, tenant: str = "acme", model: str = "m", kind: str = "prompt", pod: str = "pod:1"
) -> MeterFall:
    meter = (tenant, model, kind, pod, STARTED)
    return MeterFall(*meter, "fell", 1, 600, MIDNIGHT, 1_000, MIDNIGHT, least, most)


def line(model: str, kind: str, tokens: int) -> InvoiceLine:
    return InvoiceLine(model, kind, tokens, Decimal(0), 0)


def reading(opening: int, closing: int, *, pod: str = "pod:1") -> MeterReading:
    meter = ("acme", "m", "prompt", pod, STARTED)
    return MeterReading(*meter, opening, MIDNIGHT, OpeningSource.SCRAPED, closing, MIDNIGHT)


@pytest.mark.parametrize(
    ("falls", "asked", "figure"),
    [
        pytest.param([], MOST, None, id="no meter fell"),
        pytest.param([fall(5, 9)], LEAST, LEAST, id="the least was chosen"),
        pytest.param([fall(5, 9)], MOST, MOST, id="the most was chosen"),
        pytest.param([fall(5, 5)], None, LEAST, id="both are equal"),
        pytest.param([fall(5, 5)], MOST, MOST, id="both are equal, and one was chosen"),
    ],
)
def test_an_invoice_is_released_with_the_figure_that_was_chosen(
    falls: list[MeterFall], asked: FallFigure | None, figure: FallFigure | None
) -> None:
    assert figure_of(falls, asked) is figure


def test_nobody_releases_an_invoice_between_two_figures_without_a_choice() -> None:
    with pytest.raises(Invalid) as refused:
        figure_of([fall(5, 5), fall(5, 6)], None)

    assert refused.value.data == {"field": "figure", "reason": "figure_not_chosen"}


LINES = [line("m", "prompt", 1_200), line("n", "prompt", 7)]
FALLS = [
    fall(900, 1_000),
    fall(300, 303, pod="pod:2"),
    fall(0, 20, kind="completion"),
    fall(4, 4, model="a"),
]


@pytest.mark.parametrize("figure", [LEAST, None])
def test_the_lines_of_a_held_invoice_count_the_least(figure: FallFigure | None) -> None:
    assert with_figure(LINES, FALLS, figure) == LINES


def test_the_most_of_every_meter_is_added_to_its_line() -> None:
    lines = with_figure(LINES, FALLS, MOST)

    assert lines == [line("m", "completion", 20), line("m", "prompt", 1_303), line("n", "prompt", 7)]


def test_lines_come_by_model_and_type() -> None:
    lines = with_figure([line("m", "prompt", 1), line("m", "cached", 2), line("a", "prompt", 3)], [], MOST)

    assert [(each.model, each.type) for each in lines] == [
        ("a", "prompt"),
        ("m", "cached"),
        ("m", "prompt"),
    ]


@pytest.mark.parametrize(
    ("figure", "tokens"),
    [pytest.param(None, 900, id="not chosen yet"), (LEAST, 900), (MOST, 1_000)],
)
def test_a_meter_that_fell_counts_its_figure(figure: FallFigure | None, tokens: int) -> None:
    falls = [fall(300, 303, pod="pod:2"), fall(900, 1_000)]

    assert tokens_of(reading(600, 650), falls, figure) == tokens


@pytest.mark.parametrize(
    ("opening", "closing", "tokens"),
    [
        pytest.param(600, 650, 50, id="what it rose"),
        pytest.param(600, 601, 1, id="a single token"),
        pytest.param(600, 600, 0, id="unused"),
        pytest.param(600, 599, 0, id="went back"),
    ],
)
def test_a_meter_that_did_not_fall_counts_its_growth(opening: int, closing: int, tokens: int) -> None:
    assert tokens_of(reading(opening, closing), [fall(900, 1_000, pod="pod:2")], MOST) == tokens


def test_a_new_measurement_is_compared_with_what_was_released() -> None:
    def row(tenant: str, kind: str, tokens: int) -> UsageRow:
        return UsageRow(tenant, "m", kind, tokens, Decimal(1), 0, True, ())

    rows = [row("acme", "prompt", 1_200), row("acme", "cached", 4), row("globex", "prompt", 50)]
    falls = [*FALLS, fall(50, 90, tenant="globex")]

    released = as_released(rows, falls, {"acme"})

    assert released == [row("acme", "prompt", 1_303), row("acme", "cached", 4), row("globex", "prompt", 50)]
