"""The parts of the overview."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from portal import routes
from portal.components.age import age
from portal.components.basics import badge, card, link
from portal.components.isolated import isolated
from portal.features.overview.rows import (
    AlertLine,
    ChangeLine,
    DependencyLine,
    RolloutLine,
    ServiceLine,
    TileRow,
    TroubleRow,
)
from portal.features.overview.state import OverviewState
from portal.i18n import t
from portal.typed import is_filled

# Seconds without a look of the server after which the page's script says that contact is lost.
STALE_AFTER_S = 20
_ICONS = (("bad", "✕"), ("warn", "!"), ("ok", "✓"), ("unknown", "?"))


def headline() -> rx.Component:
    """The sentence and the colour of everything, with an icon and a word: never the colour alone."""
    shown = OverviewState.headline
    sentence = rx.cond(shown.url != "", link(isolated(shown.sentence), shown.url), isolated(shown.sentence))
    return rx.el.section(
        rx.el.div(
            rx.el.span(shown.icon, class_name="headline-icon", aria_hidden="true"),
            rx.el.div(
                rx.el.p(shown.word, class_name="headline-word"),
                rx.el.h1(sentence),
                rx.el.p(
                    rx.cond(
                        shown.since_s > 0,
                        rx.fragment(t("page.overview.since"), " ", age(shown.since_s)),
                        rx.fragment(),
                    ),
                    " ",
                    isolated(shown.moving),
                    class_name="headline-since",
                ),
                aria_live="polite",
            ),
            class_name="headline-in",
        ),
        rx.el.p(
            t("page.overview.contact_lost"),
            " ",
            age(OverviewState.alive_s),
            class_name="contact-lost",
            role="alert",
        ),
        class_name=rx.Var.create(f"headline {shown.tone}"),
        data_testid="headline",
        custom_attrs={"data-fresh-at": OverviewState.alive_s, "data-stale-after": STALE_AFTER_S},
    )


def troubles() -> rx.Component:
    """Every other trouble, the worst first."""
    others = OverviewState.headline.others
    return card(
        t("page.overview.also"),
        _kept(others, _trouble, t("page.overview.nothing_else")),
        data_testid="troubles",
    )


def _kept(rows: Any, line: Callable[[Any], rx.Component], otherwise: Any) -> rx.Component:
    """Lines in a place that keeps its height: news moves nothing that somebody reads below."""
    return rx.el.div(
        rx.cond(
            is_filled(rows),
            rx.el.ul(rx.foreach(rows, line), class_name="lines"),
            rx.el.p(otherwise, class_name="muted"),
        ),
        class_name="kept",
    )


def _trouble(each: TroubleRow) -> rx.Component:
    return rx.el.li(
        mark(each.word, each.tone),
        rx.cond(each.url != "", link(isolated(each.sentence), each.url), isolated(each.sentence)),
        age(each.since_s),
        key=each.key,
    )


def services() -> rx.Component:
    """The state of each service."""
    return rx.el.ul(
        rx.foreach(OverviewState.services, _service),
        class_name="services",
        aria_label=t("page.overview.services"),
        data_testid="services",
    )


def _service(each: ServiceLine) -> rx.Component:
    return rx.el.li(rx.el.span(each.name), mark(each.word, each.tone), key=each.key)


def alerts() -> rx.Component:
    """Alerts that fire now."""
    shown = OverviewState.alerts
    return card(
        link(t("page.overview.alerts"), routes.ALERTS),
        _kept(
            shown,
            _alert,
            rx.cond(OverviewState.unknown["alerts"] > 0, t("page.alerts.unknown"), t("page.alerts.none")),
        ),
        aside=_source_age("alerts"),
        data_testid="alerts",
    )


def _alert(each: AlertLine) -> rx.Component:
    return rx.el.li(
        badge(each.severity, each.tone),
        rx.el.div(
            link(each.title, each.url),
            " ",
            age(each.since_s),
            rx.el.p(isolated(each.sentence), class_name="small muted"),
        ),
        key=each.key,
    )


def rollouts() -> rx.Component:
    """Rollouts that move or are stuck."""
    shown = OverviewState.rollouts
    return card(
        link(t("page.overview.rollouts"), routes.DEPLOYS),
        _kept(
            shown,
            _rollout,
            rx.cond(
                OverviewState.unknown["cluster"] > 0,
                t("page.overview.rollouts_unknown"),
                t("page.overview.no_rollouts"),
            ),
        ),
        aside=_source_age("cluster"),
        data_testid="rollouts",
    )


def _rollout(each: RolloutLine) -> rx.Component:
    return rx.el.li(
        badge(each.state, each.tone),
        rx.el.div(
            link(isolated(each.name), each.url),
            " ",
            age(each.since_s),
            rx.el.p(each.words, class_name="small muted"),
        ),
        key=each.key,
    )


def tile_group(title: Any, rows: Any, *more: Any) -> rx.Component:
    """Tiles under a heading."""
    return rx.el.section(
        rx.el.h2(title, class_name="group-title"),
        rx.el.div(rx.foreach(rows, _tile), *more, class_name="tiles small-tiles"),
    )


def _tile(each: TileRow) -> rx.Component:
    look = rx.Var.create(f"tile tone {each.tone}")
    content = rx.el.dl(
        rx.el.dt(each.title, " ", rx.cond(each.word != "", mark(each.word, each.tone), rx.fragment())),
        rx.el.dd(isolated(each.value), class_name="value"),
        rx.el.dd(each.remark, " ", age(each.at_s), class_name="remark"),
        rx.cond(
            each.unknown_s > 0,
            rx.el.dd(t("page.overview.unknown_since"), " ", age(each.unknown_s), class_name="remark strong"),
            rx.cond(each.source != "", _age_of(OverviewState.ages[each.source]), rx.fragment()),
        ),
    )
    return rx.match(
        each.url,
        ("", rx.el.div(content, class_name=look, key=each.key)),
        link(content, each.url, class_name=look, key=each.key),
    )


def _age_of(epoch_s: Any) -> rx.Component:
    return rx.el.dd(t("page.overview.seen"), " ", age(epoch_s), class_name="remark faint")


def _source_age(source: str) -> rx.Component:
    lost = OverviewState.unknown[source]
    return rx.cond(
        lost > 0,
        rx.el.span(t("page.overview.unknown_since"), " ", age(lost), class_name="small"),
        rx.el.span(
            t("page.overview.seen"), " ", age(OverviewState.ages[source]), class_name="muted small faint"
        ),
    )


def chart() -> rx.Component:
    """Tokens of the last hour, as an area that grows to the end of the line."""
    shown = OverviewState.chart
    area = rx.el.svg(
        rx.el.path(d=shown.outline),
        custom_attrs={
            "viewBox": "0 0 300 60",
            "preserveAspectRatio": "none",
            "role": "img",
            "aria-label": shown.label,
        },
        class_name="spark",
    )
    return rx.el.div(
        rx.el.p(t("page.overview.tokens"), class_name="muted small"),
        rx.el.p(shown.label, class_name="value"),
        rx.cond(shown.outline != "", area, rx.fragment()),
        rx.el.p(shown.peak, class_name="muted small"),
        class_name="tile wide-tile",
        data_testid="tokens",
    )


def dependencies() -> rx.Component:
    """Everybody whom we need."""
    return card(
        t("page.overview.dependencies"),
        rx.el.ul(rx.foreach(OverviewState.dependencies, _dependency), class_name="lines"),
        data_testid="dependencies",
    )


def _dependency(each: DependencyLine) -> rx.Component:
    return rx.el.li(
        mark(each.word, each.tone),
        isolated(each.name),
        rx.el.span(each.cause, " ", age(each.since_s), class_name="small muted"),
        key=each.key,
    )


def changes() -> rx.Component:
    """Deployments and actions of late."""
    return card(
        link(t("page.overview.changes"), routes.AUDIT),
        rx.cond(
            is_filled(OverviewState.changes),
            rx.el.ul(rx.foreach(OverviewState.changes, _change), class_name="lines"),
            rx.el.p(t("page.overview.no_changes"), class_name="muted"),
        ),
        data_testid="changes",
    )


def silences() -> rx.Component:
    """Silences that end soon, with what storms back then."""
    shown = OverviewState.silences
    listed = card(
        t("page.overview.silences"),
        rx.el.ul(rx.foreach(shown, _change), class_name="lines"),
        data_testid="silences",
    )
    return rx.cond(is_filled(shown), listed, rx.fragment())


def _change(each: ChangeLine) -> rx.Component:
    return rx.el.li(
        rx.cond(each.url != "", link(isolated(each.sentence), each.url), isolated(each.sentence)),
        age(each.at_s),
        key=each.key,
    )


def mark(word: Any, tone: Any) -> rx.Component:
    """A word with an icon and a colour; the word alone says it all."""
    icon = rx.match(tone, *_ICONS, "•")
    return rx.el.span(
        rx.el.span(icon, aria_hidden="true"), " ", word, class_name=rx.Var.create(f"badge {tone}")
    )
