"""Every handler of the portal against every role, through the pipeline that a browser's events take."""

import pytest
import reflex as rx
from reflex_base.registry import RegistrationContext

from backend.actor import Role
from portal import guard, pages
from portal.guard import check_policies
from portal.notes import Notes
from tests.integration.portal.conftest import (
    Delta,
    House,
    Pipeline,
    Tab,
    own_handlers,
    payload_of,
    replaced,
    shown,
)

TENANT = {Role.TENANT_VIEWER, Role.TENANT_ADMIN}
ADMIN = {Role.TENANT_ADMIN}
OPERATORS = {Role.OPERATOR, Role.APPROVER}
STAFF = {Role.OPERATOR, Role.APPROVER, Role.AUDITOR}
SIGNED_IN = TENANT | STAFF
ANYBODY = SIGNED_IN | {None}
# A handler of a feature may be sent by whom the feature's pages are for. Those for fewer, and those of no feature, are
# written down once more by hand: a policy that is opened by mistake differs from this.
BY_HAND: dict[str, set[Role] | set[Role | None]] = {
    "features___accounts___account_state____account_state.ask_everywhere": SIGNED_IN,
    "features___accounts___account_state____account_state.close_everywhere": SIGNED_IN,
    "features___accounts___account_state____account_state.load": SIGNED_IN,
    "features___accounts___account_state____account_state.revoke": SIGNED_IN,
    "features___alerts___silence_state____silence_form_state.choose_length": OPERATORS,
    "features___alerts___silence_state____silence_form_state.load": OPERATORS,
    "features___alerts___silence_state____silence_form_state.look": OPERATORS,
    "features___alerts___silence_state____silence_form_state.save": OPERATORS,
    "features___alerts___state____alerts_state.end_silence": OPERATORS,
    "features___billing___state____billing_state.ask_release": OPERATORS,
    "features___billing___state____billing_state.close_release": OPERATORS,
    "features___billing___state____billing_state.release": OPERATORS,
    "features___billing___state____billing_state.run_plan": OPERATORS,
    "features___prices___state____prices_state.begin": OPERATORS,
    "features___prices___state____prices_state.choose_kind": OPERATORS,
    "features___prices___state____prices_state.confirm_change": OPERATORS,
    "features___prices___state____prices_state.look": OPERATORS,
    "features___prices___state____prices_state.withdraw_list": OPERATORS,
    "features___invoices___staff_state____all_invoices_state.load": STAFF,
    "features___invoices___detail_state____invoice_state.check_now": TENANT,
    "features___invoices___detail_state____invoice_state.ask_credit": ADMIN,
    "features___invoices___detail_state____invoice_state.close_credit": ADMIN,
    "features___invoices___detail_state____invoice_state.use_credit": ADMIN,
    "features___invoices___list_state____invoices_state.load": TENANT,
    "features___invoices___list_state____invoices_state.load_again": TENANT,
    "features___invoices___list_state____invoices_state.toggle": ADMIN,
    "features___invoices___list_state____invoices_state.check_now": TENANT,
    "features___invoices___list_state____invoices_state.ask_credit": ADMIN,
    "features___invoices___list_state____invoices_state.close_credit": ADMIN,
    "features___invoices___list_state____invoices_state.use_credit": ADMIN,
    "features___jobs___state____jobs_state.ask_pause": OPERATORS,
    "features___jobs___state____jobs_state.close_pause": OPERATORS,
    "features___jobs___state____jobs_state.pause": OPERATORS,
    "features___jobs___state____jobs_state.resume": OPERATORS,
    "features___jobs___state____jobs_state.run_now": OPERATORS,
    "features___payments___state____payments_state.ask_resolve": OPERATORS,
    "features___payments___state____payments_state.check_again": OPERATORS,
    "features___payments___state____payments_state.close_resolve": OPERATORS,
    "features___payments___state____payments_state.resolve": OPERATORS,
    "features___runbooks___form_state____action_form_state.ask": OPERATORS,
    "features___runbooks___run_state____run_page_state.approve": OPERATORS,
    "features___runbooks___run_state____run_page_state.ask_decline": OPERATORS,
    "features___runbooks___run_state____run_page_state.cancel": OPERATORS,
    "features___runbooks___run_state____run_page_state.close_decline": OPERATORS,
    "features___runbooks___run_state____run_page_state.confirm": OPERATORS,
    "features___runbooks___run_state____run_page_state.decline": OPERATORS,
    "features___runbooks___run_state____run_page_state.go_on": OPERATORS,
    "features___runbooks___run_state____run_page_state.repeat": OPERATORS,
    "features___runbooks___run_state____run_page_state.undo": OPERATORS,
    "place____place_state.seek": SIGNED_IN,
    "visitor____visitor_state.dismiss": ANYBODY,
    "visitor____visitor_state.enter": ANYBODY,
    "visitor____visitor_state.sign_in_again": ANYBODY,
    "visitor____visitor_state.tell_unexpected": ANYBODY,
}


def may_send() -> dict[str, set[Role | None]]:
    """Who may send which handler, by the end of its wire name."""
    names = [name for name in own_handlers() if not name.endswith(".setvar")]
    return {ending: may_send_one(ending) for ending in (name.rpartition("portal___")[2] for name in names)}


def may_send_one(ending: str) -> set[Role | None]:
    return {*BY_HAND.get(ending, of_feature(ending))}


def of_feature(ending: str) -> set[Role | None]:
    """Whom the pages of a handler's feature are for; nobody where it is a part of none."""
    module = ending.partition("____")[0].replace("___", ".")
    feature = f"portal.{module.rpartition('.')[0]}"
    found = [page for page in pages.registered() if page.module.startswith(f"{feature}.")]
    is_open = any(not page.roles for page in found)
    return {*pages.roles_of(found), *(ANYBODY if is_open else ())}


def test_a_handler_that_is_written_down_is_there_and_for_fewer_than_its_feature() -> None:
    told = may_send()

    assert set(BY_HAND) - set(told) == set()
    for ending, roles in BY_HAND.items():
        assert roles < of_feature(ending) or not of_feature(ending), ending
    assert {ending for ending, roles in told.items() if not roles} == set()


def test_a_handler_runs_for_its_roles_and_for_nobody_else(house: House, pipeline: Pipeline) -> None:
    expected = may_send()
    handlers = [handler(ending) for ending in expected]
    ran: dict[str, set[Role | None]] = {ending: set() for ending in expected}

    async def steps(tab: Tab) -> None:
        for role in [None, *Role]:
            cookie = house.people[role].cookie if role else ""
            await tab.open(cookie=cookie, tab=f"tab-{role}")
            for name, noted in zip(handlers, ran.values(), strict=True):
                with replaced(name, lambda noted=noted, role=role: noted.add(role)):
                    await tab.send(name, payload_of(name), cookie=cookie, tab=f"tab-{role}")

    pipeline.run(steps)

    assert ran == expected


def test_setvar_and_other_undecorated_methods_never_run(house: House, pipeline: Pipeline) -> None:
    everything = RegistrationContext.get().event_handlers
    names = [name for name in everything if name.endswith((".setvar", ".hydrate", ".set_is_hydrated"))]
    names = [name for name in names if name not in guard.FRAMEWORK]

    async def steps(tab: Tab) -> list[Delta]:
        told: list[Delta] = []
        for role in [None, *Role]:
            cookie = house.people[role].cookie if role else ""
            await tab.open(cookie=cookie, tab=f"tab-{role}")
            for name in names:
                payload = {"var_name": "phase", "value": "x"}
                told += await tab.send(name, payload, cookie=cookie, tab=f"tab-{role}")
        return told

    assert len(names) > 5
    assert pipeline.run(steps) == []


def test_what_an_operator_loaded_is_gone_when_the_tab_is_somebody_elses(
    house: House, pipeline: Pipeline
) -> None:
    operator, viewer = house.people[Role.OPERATOR], house.people[Role.TENANT_VIEWER]

    async def steps(tab: Tab) -> tuple[list[Delta], list[Delta], list[Delta]]:
        await tab.open(cookie=operator.cookie)
        loaded = await tab.send(
            handler("features___billing___state____billing_state.load"), cookie=operator.cookie
        )
        await tab.send(handler("visitor____visitor_state.enter"), cookie=operator.cookie, path="/billing")
        stolen = await tab.open(cookie="")
        other = await tab.open(cookie=viewer.cookie)
        return loaded, stolen, other

    loaded, stolen, other = pipeline.run(steps)

    assert "ready" in shown(loaded)
    assert operator.email not in shown(stolen) + shown(other)
    assert '"can_act_rx_state_": true' in shown(loaded)
    assert '"can_act_rx_state_": true' not in shown(stolen) + shown(other)


def test_an_undecorated_handler_stops_the_start() -> None:
    check_policies()
    with RegistrationContext.get().fork():

        class ForgottenState(rx.State):
            @rx.event
            def forgotten(self) -> None:
                """Nobody said who may."""

        assert ForgottenState.get_name()
        with pytest.raises(RuntimeError, match=r"forgotten_state\.forgotten"):
            check_policies()
    check_policies()


def test_a_policy_needs_roles_or_the_word_public() -> None:
    with pytest.raises(ValueError, match="names roles, or is public"):
        guard.allow()
    with pytest.raises(ValueError, match="names roles, or is public"):
        guard.allow(guard.STAFF, public=True)


def test_a_lost_database_refuses_and_says_so(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backend.errors import Unavailable  # noqa: PLC0415 (only this test needs it)
    from portal import session  # noqa: PLC0415

    async def lost(_token: str) -> None:
        raise Unavailable(service="database")

    async def steps(tab: Tab) -> list[Delta]:
        monkeypatch.setattr(session, "session_of", lost)
        return await tab.send(
            handler("features___billing___state____billing_state.load"),
            cookie=house.people[Role.OPERATOR].cookie,
        )

    told = shown(pipeline.run(steps))

    assert '"is_database_lost_rx_state_": true' in told
    assert "billing_state" not in told


def handler(ending: str) -> str:
    return next(name for name in own_handlers() if name.endswith(f"portal___{ending}"))


def test_a_refusal_is_written_once_a_minute_for_each_handler(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "_notes", Notes(guard.log))
    load, run = (
        handler("features___billing___state____billing_state.load"),
        handler("features___billing___state____billing_state.run_plan"),
    )
    cookie = house.people[Role.TENANT_ADMIN].cookie

    async def steps(tab: Tab) -> None:
        await tab.open(cookie=cookie)
        for name in [load, run, f"{load.rpartition('.')[0]}.setvar"] * 5:
            await tab.send(name, payload_of(name), cookie=cookie)

    pipeline.run(steps)

    assert [record.getMessage() for record in caplog.records] == ["guard.event_denied"] * 3
