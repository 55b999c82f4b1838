from portal.features.usage.chart_layout import lay_out_chart, tick_step
from portal.features.usage.rows import ChartDay, SeriesRow

SERIES = [SeriesRow(key="s0", name="gpt-5", colour="red"), SeriesRow(key="s1", name="mini", colour="blue")]


def test_the_highest_line_is_at_or_above_the_highest_day() -> None:
    for highest in (1, 4, 5, 6, 99, 101, 7_843_272, 10**12 + 1):
        step = tick_step(highest)
        assert 5 * step >= highest
        assert tick_step(step * 5 + 1) > step


def test_a_column_is_as_high_as_its_tokens_against_the_highest_line() -> None:
    days: list[ChartDay] = [{"day": "1 Azar", "s0": 6_000_000, "s1": 1_500_000}, {"day": "2 Azar"}]

    columns, ticks = lay_out_chart(days, SERIES, "en")

    assert [tick.label for tick in ticks] == ["0", "2M", "4M", "6M", "8M"]
    assert [segment.height for segment in columns[0].segments] == ["18.75%", "75.00%"]
    assert columns[1].segments == []


def test_pointing_at_a_day_tells_its_total_and_each_model() -> None:
    columns, ticks = lay_out_chart([{"day": "۱ آذر", "s0": 1200, "s1": 34}], SERIES, "fa")

    assert columns[0].about.splitlines() == [
        "۱ آذر: ۱٬۲۳۴",
        "\u2068gpt-5\u2069: ۱٬۲۰۰",
        "\u2068mini\u2069: ۳۴",
    ]
    assert ticks[0].label == "۰"
    assert ticks[-1].label == "۱٬۵۰۰"


def test_a_chart_without_usage_is_empty_and_not_broken() -> None:
    columns, ticks = lay_out_chart([{"day": "1 Azar"}], SERIES, "en")

    assert columns[0].segments == []
    assert [tick.label for tick in ticks] == ["0", "1"]
