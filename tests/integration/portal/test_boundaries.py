"""Another tenant, with the real names of what is not its own, against every handler; and what a process remembers."""

import inspect
from typing import Any

from reflex_base.registry import RegistrationContext

from backend.accounts import service as accounts
from backend.actor import Role
from backend.i18n import format as fmt
from backend.i18n.catalog import text
from portal import routes
from tests.integration.payments import payer
from tests.integration.portal.belongings import Belongings
from tests.integration.portal.conftest import Delta, Pipeline, Tab, own_handlers, shown
from tests.own_pages import own_pages


def payloads(handler: str, name: str) -> dict[str, Any]:
    """A handler's arguments, each of them naming somebody else's thing."""
    parameters = list(
        inspect.signature(RegistrationContext.get().event_handlers[handler].handler.fn).parameters
    )
    form = {"key": name, "day": name, "reason": "because it is not mine", "invoices": name}
    return {each: form if each == "form" else name for each in parameters[1:]}


def test_another_tenant_is_told_nothing_and_changes_nothing(
    belongings: Belongings, pipeline: Pipeline
) -> None:
    cookie, before = belongings.house.neighbour.cookie, belongings.rows()
    handlers = [name for name in own_handlers() if not name.endswith(".setvar")]

    async def steps(tab: Tab) -> list[Delta]:
        told: list[Delta] = []
        for name in belongings.names:
            for page in (routes.invoice(name), routes.hand_off(name), f"{routes.INVOICES}?tenant={name}"):
                await tab.open(cookie=cookie, path=page, told=told)
            for handler in handlers:
                await tab.send(
                    handler, payloads(handler, name), cookie=cookie, path=routes.invoice(name), told=told
                )
        return told

    told = shown(pipeline.run(steps))

    assert [secret for secret in belongings.secrets() if secret in told] == []
    assert belongings.house.other.name_en in told
    assert belongings.rows() == before


def test_the_tenant_itself_is_told(belongings: Belongings, pipeline: Pipeline) -> None:
    """Otherwise the test above would pass with pages that show nothing to anybody."""
    cookie = belongings.house.people[Role.TENANT_ADMIN].cookie

    async def steps(tab: Tab) -> list[Delta]:
        told: list[Delta] = []
        for page in (routes.invoice(belongings.invoices[0]), routes.ACCOUNT):
            await tab.open(cookie=cookie, path=page, told=told)
        return told

    told = shown(pipeline.run(steps))

    missing = {secret for secret in belongings.secrets() if secret not in told}
    # The page is English, and the number given to the bank is the payer's own business there.
    assert missing <= {belongings.house.own.name_fa, str(payer.track_of(belongings.hand_off))}


def test_another_tenant_ends_no_foreign_session(belongings: Belongings, pipeline: Pipeline) -> None:
    revoke = next(name for name in own_handlers() if name.endswith("account_state.revoke"))
    neighbour, admin = belongings.house.neighbour, belongings.house.people[Role.TENANT_ADMIN]

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=neighbour.cookie)
        return await tab.send(revoke, {"key": str(belongings.sessions[0])}, cookie=neighbour.cookie)

    told = shown(pipeline.run(steps))

    assert text("error.not_found", "en") in told
    assert accounts.session_of(admin.token) is not None


def test_what_an_operator_has_loaded_reaches_no_tenants_tab(
    belongings: Belongings, pipeline: Pipeline
) -> None:
    operator, viewer = belongings.house.people[Role.OPERATOR], belongings.house.people[Role.TENANT_VIEWER]
    foreign = payer.invoice(belongings.house.other.id, 9_876_540, status="held")

    async def steps(tab: Tab) -> tuple[list[Delta], list[Delta]]:
        filled: list[Delta] = []
        for page in own_pages(Role.OPERATOR):
            path = page.route.replace("[invoice_id]", str(foreign))
            await tab.open(cookie=operator.cookie, tab="operator", path=path, told=filled)
        told = await tab.open(cookie=viewer.cookie, tab="viewer", path=routes.INVOICES)
        # And the operator's own tab, by whoever has its token.
        await tab.open(cookie=viewer.cookie, tab="operator", path=routes.INVOICES, told=told)
        return filled, told

    filled, told = (shown(deltas) for deltas in pipeline.run(steps))

    for value in (
        operator.email,
        belongings.house.other.name_en,
        fmt.toman_bare(9_876_540, "en").removesuffix(".0"),
        '"can_act_rx_state_": true',
        '"is_staff": true',
    ):
        assert value in filled, value
        assert value not in told, value
    for value in (operator.token, viewer.token, "_bound_to", "_chosen_day", "_plan_hash"):
        assert value not in filled + told, value
