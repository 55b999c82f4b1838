"""The form for a change of prices, and its preview."""

from typing import Any

import reflex as rx

from backend.pricing.rules import NAME_MAX_LENGTH
from portal.components.answer import answer_region, answered_by
from portal.components.basics import button, card, link
from portal.components.status import note
from portal.components.table import TableColumn, data_table
from portal.features.prices.parts import CHANGE_FORM, PRICES_ANSWER
from portal.features.prices.state import PricesState
from portal.i18n import t
from portal.typed import is_filled

PREVIEW = "price-preview"
MODELS = "known-models"


def change_form() -> rx.Component:
    """A change: its kind, its fields, its first day; then the preview with the button that makes it."""
    return rx.el.section(
        rx.el.div(rx.el.h2(t("page.prices.change")), class_name="card-head"),
        rx.el.div(
            rx.el.p(t("page.prices.change_what"), class_name="muted"),
            rx.el.form(
                _kind(),
                _fields(),
                _typed(
                    "day",
                    t("page.prices.day"),
                    t("page.prices.day_hint", day=PricesState.view.first_day_shown),
                    value=PricesState.view.first_day,
                ),
                rx.el.datalist(
                    rx.foreach(PricesState.view.known_models, lambda name: rx.el.option(value=name)),
                    id=MODELS,
                ),
                rx.el.div(button(t("page.prices.look"), kind="primary", type="submit"), class_name="row end"),
                on_submit=PricesState.look,
                class_name="form",
                custom_attrs=answered_by(PREVIEW),
                # Another beginning is another form: React keeps what was typed into the old one.
                key=PricesState.form_key,
            ),
            answer_region(
                PREVIEW,
                PricesState.form_problem + PricesState.preview.said,
                rx.cond(
                    PricesState.form_problem != "",
                    note(PricesState.form_problem, tone="bad", data_testid="price-problem"),
                    rx.fragment(),
                ),
                rx.cond(PricesState.preview.said != "", _preview(), rx.fragment()),
            ),
            class_name="card-body form",
        ),
        id=CHANGE_FORM,
        class_name="card",
        tab_index=-1,
        custom_attrs={
            "data-answer": rx.cond(PricesState.model != "", f"{PricesState.kind}-{PricesState.model}", "")
        },
    )


def _kind() -> rx.Component:
    kinds = ("price", "alias", "remove", "require", "allow")
    names = (
        t("page.prices.kind.price"),
        t("page.prices.kind.alias"),
        t("page.prices.kind.remove"),
        t("page.prices.kind.require"),
        t("page.prices.kind.allow"),
    )
    return rx.el.div(
        rx.el.label(t("page.prices.what"), html_for="kind"),
        rx.el.select(
            *[rx.el.option(name, value=kind) for kind, name in zip(kinds, names, strict=True)],
            id="kind",
            name="kind",
            value=PricesState.kind,
            on_change=PricesState.choose_kind,
            class_name="input",
            custom_attrs=answered_by("change-fields"),
        ),
        class_name="field",
    )


def _fields() -> rx.Component:
    return answer_region(
        "change-fields",
        "",
        rx.match(
            PricesState.kind,
            ("price", rx.fragment(_model(t("page.prices.model_or_all"), required=False), _type(), _price())),
            ("alias", rx.fragment(_model(t("page.prices.alias")), _priced_as())),
            ("remove", rx.fragment(_model(t("page.prices.model_or_alias")), _type())),
            ("require", note(t("page.prices.require_what"), tone="warn")),
            note(t("page.prices.allow_what"), tone="warn"),
        ),
        class_name="form",
    )


def _model(label: Any, *, required: bool = True) -> rx.Component:
    return _typed(
        "model", label, t("page.prices.model_hint"), value=PricesState.model, required=required, list=MODELS
    )


def _priced_as() -> rx.Component:
    return _typed("priced_as", t("page.prices.priced_as"), t("page.prices.priced_as_hint"), list=MODELS)


def _price() -> rx.Component:
    return _typed("price", t("page.prices.new_price"), t("page.prices.new_price_hint"), input_mode="decimal")


def _type() -> rx.Component:
    return rx.el.div(
        rx.el.label(t("page.prices.type"), html_for="type"),
        rx.el.select(
            rx.el.option(t("prices.any_type"), value=""),
            rx.el.option(t("usage.type.prompt"), value="prompt"),
            rx.el.option(t("usage.type.cached_prompt"), value="cached_prompt"),
            rx.el.option(t("usage.type.completion"), value="completion"),
            id="type",
            name="type",
            class_name="input",
        ),
        class_name="field",
    )


def _typed(
    name: str, label: Any, hint: Any, *, value: Any = "", required: bool = True, **props: Any
) -> rx.Component:
    return rx.el.div(
        rx.el.label(label, html_for=name),
        rx.el.p(hint, id=f"{name}-hint", class_name="hint"),
        rx.el.input(
            id=name,
            name=name,
            default_value=value,
            dir="ltr",
            required=required,
            max_length=NAME_MAX_LENGTH,
            auto_complete="off",
            spell_check=False,
            class_name="input",
            custom_attrs={"data-missing": t("page.sign_in.missing"), "aria-describedby": f"{name}-hint"},
            **props,
        ),
        class_name="field",
    )


def _preview() -> rx.Component:
    shown = PricesState.preview
    return card(
        t("page.prices.preview"),
        rx.el.div(
            rx.el.p(rx.el.strong(shown.said)),
            rx.el.p(shown.since),
            rx.cond(shown.replaced != "", note(shown.replaced), rx.fragment()),
            rx.cond(shown.waiting != "", note(shown.waiting, tone="warn"), rx.fragment()),
            rx.cond(shown.priced != "", note(shown.priced), rx.fragment()),
            rx.el.p(shown.days, class_name="muted"),
            rx.el.dl(
                rx.el.div(rx.el.dt(t("page.prices.old_total")), rx.el.dd(shown.old)),
                rx.el.div(rx.el.dt(t("page.prices.new_total")), rx.el.dd(shown.new)),
                rx.el.div(rx.el.dt(t("page.prices.difference")), rx.el.dd(shown.difference)),
                rx.el.div(rx.el.dt(t("page.prices.companies")), rx.el.dd(shown.changed)),
                class_name="facts",
            ),
            class_name="card-body form",
        ),
        rx.cond(is_filled(shown.tenants), _tenants(), rx.fragment()),
        rx.el.div(
            button(
                t("page.prices.confirm"),
                kind="primary",
                on_click=PricesState.confirm_change,
                custom_attrs=answered_by(PRICES_ANSWER),
            ),
            class_name="card-body row end",
        ),
        flush=True,
    )


def _tenants() -> rx.Component:
    return data_table(
        PricesState.preview.tenants,
        [
            TableColumn(head=t("page.billing.tenant"), cell=lambda row: link(row.name, row.url), leads=True),
            TableColumn(
                head=t("page.prices.old_total"), cell=lambda row: row.old, is_number=True, opens=True
            ),
            TableColumn(
                head=t("page.prices.new_total"), cell=lambda row: row.new, is_number=True, opens=True
            ),
            TableColumn(head=t("page.prices.difference"), cell=lambda row: row.change, is_number=True),
        ],
        caption=t("page.prices.most_changed"),
        key=lambda row: row.key,
        name=lambda row: row.name,
    )
