"""An operator sees both figures of meters that fell, and issues the invoice with one of them."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from backend.actor import Actor, Role
from backend.clock import day_window
from backend.db.engine import transaction
from backend.invoices import service as invoices
from backend.usage import falls_repository
from backend.usage.types import FallFigure, MeterFall
from portal import routes
from tests.integration.payments import payer
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab
from tests.integration.portal.test_pages import changes_of, handler

PROCESS = Actor.process_named("test")
MODEL = "gpt-4o"


@pytest.fixture
def present(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tab is connected, so that background events may write."""
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    monkeypatch.setattr(app, "_event_namespace", SimpleNamespace(token_to_sid={"tab": "none"}))


def a_held_fall(house: House) -> Any:
    """A held invoice of 1,200,000 tokens, or of 1,300,000."""
    held = payer.invoice(house.own.id, 0, status="held")
    day = invoices.invoice(PROCESS, held).invoice.day
    window = day_window(day)
    with transaction() as connection:
        connection.execute(
            text(
                "UPDATE tenant_invoice SET held_reasons = '{counter_fell}', tokens = 1200000 WHERE id = :id"
            ),
            {"id": held},
        )
        connection.execute(
            text("INSERT INTO invoice_line VALUES (:id, :model, 'prompt', 1200000, 200, 0)"),
            {"id": held, "model": MODEL},
        )
        connection.execute(
            text("INSERT INTO measured_day VALUES (:day, :start, :end, :end, 1, 1) ON CONFLICT DO NOTHING"),
            {"day": day, "start": window.start, "end": window.end},
        )
        label = house.own.label
        meter = (label, MODEL, "prompt", "pod:1", window.start - timedelta(days=3))
        fall = MeterFall(
            *meter, "fell", 1, 600_000, window.start, 1_000_000, window.end, 1_200_000, 1_300_000
        )
        falls_repository.insert_falls(day, [fall])
    return held


@pytest.mark.usefixtures("present")
def test_an_operator_sees_both_figures_and_issues_with_one(house: House, pipeline: Pipeline) -> None:
    held = a_held_fall(house)
    cookie = house.people[Role.OPERATOR].cookie
    form = {"reason": "the pod began again", "figure": "most"}

    async def steps(tab: Tab) -> list[list[Delta]]:
        await tab.open(cookie=cookie)
        shown = await tab.send(handler("invoice_state.load"), cookie=cookie, path=routes.invoice(held))
        await tab.send(handler("billing_state.load"), cookie=cookie)
        asked = await tab.send(handler("billing_state.ask_release"), {"key": str(held)}, cookie=cookie)
        release = handler("billing_state.release")
        refused = await tab.send(release, {"form": {"reason": "no choice"}}, cookie=cookie)
        done = await tab.send(release, {"form": form}, cookie=cookie)
        return [shown, asked, refused, done]

    shown, asked, refused, done = pipeline.run(steps)

    view = changes_of(shown, "invoice_state")[-1]["view"]
    assert [(fall.least, fall.most) for fall in view.falls] == [("1,200,000", "1,300,000")]
    assert [figure.amount for figure in view.figures] == [
        "1,200,000 tokens, 24,000 Toman in all",
        "1,300,000 tokens, 26,000 Toman in all",
    ]
    choices = changes_of(asked, "billing_state")[-1]["chosen_figures"]
    assert [(choice.value, choice.amount) for choice in choices] == [
        ("least", "1,200,000 tokens, 24,000 Toman in all"),
        ("most", "1,300,000 tokens, 26,000 Toman in all"),
    ]
    assert "two figures" in changes_of(refused, "billing_state")[-1]["release_problem"]
    assert "was issued" in changes_of(done, "billing_state")[-1]["done"]
    issued = invoices.invoice(PROCESS, held).invoice
    assert (issued.tokens, issued.fall_figure) == (1_300_000, FallFigure.MOST)
