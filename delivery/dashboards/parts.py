"""The few kinds of panels and variables that the dashboards are made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from prometheus_client import Counter, Histogram

SOURCE = models.DataSourceRef(type_val="prometheus", uid="prometheus")
TAG = "docuchat"
ROW_HEIGHT = 8
NARROW, HALF, WIDE = 4, 12, 24
Panel = Builder[models.Panel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """An expression, and the name of its series in the legend."""

    expr: str
    legend: str = "__auto"
    has_exemplars: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Values from which on a figure is worth a look, and from which on it is bad. A lower one may be the worse."""

    look: float
    bad: float

    def steps(self) -> list[models.Threshold]:
        """The colours, from the lowest value on."""
        colours = ("green", "orange", "red") if self.look <= self.bad else ("red", "orange", "green")
        values = (None, *sorted((self.look, self.bad)))
        return [models.Threshold(value=at, color=name) for at, name in zip(values, colours, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A heading and its panels."""

    title: str
    panels: Sequence[Panel] = field(default_factory=tuple)


def name_of(metric: Counter | Histogram) -> str:
    """The name under which Prometheus knows a metric of ours; a counter's ends with ``_total``."""
    [family] = metric.describe()
    return f"{family.name}_total" if family.type == "counter" else family.name


def figure(
    title: str, meaning: str, query: Query, *, unit: str = "short", limits: Limits | None = None
) -> Panel:
    """One large number, the present one."""
    panel = (
        stat.Panel()
        .title(title)
        .description(meaning)
        .datasource(SOURCE)
        .unit(unit)
        .span(NARROW)
        .height(4)
        .with_target(_target(query, is_instant=True))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(shapes.BigValueGraphMode.NONE)
    )
    steps = limits.steps() if limits else [models.Threshold(value=None, color="text")]
    return panel.thresholds(
        dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
    ).color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))


def curve(
    title: str,
    meaning: str,
    *queries: Query,
    unit: str = "short",
    span: int = HALF,
    is_stacked: bool = False,
    limits: Limits | None = None,
) -> Panel:
    """Lines over time, or areas upon each other. The limits are drawn as dashed lines."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(meaning)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(span)
        .height(ROW_HEIGHT)
        .show_points(shapes.VisibilityMode.NEVER)
        .fill_opacity(40 if is_stacked else 8)
        .legend(
            common.VizLegendOptions()
            .display_mode(shapes.LegendDisplayMode.LIST)
            .placement(shapes.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI))
    )
    for number, query in enumerate(queries):
        panel = panel.with_target(_target(query, ref=chr(ord("A") + number)))
    if is_stacked:
        panel = panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL))
    if limits:
        panel = panel.thresholds(
            dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(limits.steps())
        ).thresholds_style(common.GraphThresholdsStyleConfig().mode(shapes.GraphThresholdsStyleMode.DASHED))
    return panel


def ranking(title: str, meaning: str, query: Query, *, unit: str = "short", span: int = HALF) -> Panel:
    """Bars, the largest first: the present values of a few series."""
    return (
        bargauge.Panel()
        .title(title)
        .description(meaning)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(span)
        .height(ROW_HEIGHT)
        .orientation(shapes.VizOrientation.HORIZONTAL)
        .display_mode(shapes.BarGaugeDisplayMode.BASIC)
        .with_target(_target(query, is_instant=True))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _target(query: Query, *, ref: str = "A", is_instant: bool = False) -> prometheus.Dataquery:
    target = (
        prometheus.Dataquery()
        .expr(query.expr)
        .legend_format(query.legend)
        .ref_id(ref)
        .datasource(SOURCE)
        .exemplar(query.has_exemplars)
    )
    return target.instant() if is_instant else target.range()


def chooser(name: str, label: str, values: str) -> dashboard.QueryVariable:
    """A variable for the reader: all values, or some of them."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(values)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(text="All", value="$__all"))
    )


# The portal tells its own address, so that the same file is right everywhere.
PORTAL = (
    dashboard.QueryVariable("portal")
    .hide(models.VariableHide.HIDE_VARIABLE)
    .datasource(SOURCE)
    .query("label_values(portal_info, url)")
    .refresh(models.VariableRefresh.ON_DASHBOARD_LOAD)
)


def made(
    uid: str,
    title: str,
    meaning: str,
    rows: Sequence[Row],
    *,
    choosers: Sequence[dashboard.QueryVariable] = (),
    pages: Sequence[tuple[str, str]] = (),
) -> models.Dashboard:
    """A dashboard with rows of panels, and links to the portal's pages and to the other dashboards."""
    board = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(meaning)
        .tags([TAG])
        .readonly()
        .timezone("Asia/Tehran")
        .refresh("30s")
        .time("now-6h", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(PORTAL)
        .link(
            dashboard.DashboardLink("Dashboards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    for chosen in choosers:
        board = board.with_variable(chosen)
    for name, path in pages:
        board = board.link(
            dashboard.DashboardLink(name)
            .type(models.DashboardLinkType.LINK)
            .icon("external link")
            .url(f"${{portal}}{path}")
            .target_blank(True)
        )
    for row in rows:
        board = board.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            board = board.with_panel(panel)
    return _numbered(board.build())


def _numbered(board: models.Dashboard) -> models.Dashboard:
    """Give each panel an id of its own, by which a link finds it."""
    for number, panel in enumerate(board.panels or (), start=1):
        panel.id_val = number
    return board
