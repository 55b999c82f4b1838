"""Every handler of the portal against every role, through the pipeline that a browser's events take."""

from typing import Any

import pytest
import reflex as rx
from reflex_base.registry import RegistrationContext

from backend.actor import Role
from portal import guard
from portal.guard import Policy, check_policies, policy_of
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, own_handlers, replaced, shown

PAYLOADS: dict[str, dict[str, Any]] = {
    "choose_tab": {"name": "held"},
    "make_plan": {"form": {"day": "all"}},
    "ask_release": {"key": "x"},
    "release": {"form": {"reason": "because"}},
    "revoke": {"key": "x"},
    "toggle": {"key": "x"},
    "open_file": {"key": "x"},
    "resolve": {"form": {"reason": "because"}},
    "tell_unexpected": {"reference": "0123abcd"},
}


def payload_of(handler: str) -> dict[str, Any]:
    return PAYLOADS.get(handler.rpartition(".")[2], {})


def policy(handler: str) -> Policy:
    found = policy_of(handler)
    assert found is not None
    return found


def test_every_handler_of_ours_has_a_policy() -> None:
    handlers = own_handlers()

    assert len(handlers) >= 15
    assert [name for name in handlers if policy_of(name) is None and not name.endswith(".setvar")] == []


def test_only_these_handlers_are_open_to_strangers() -> None:
    public = {
        name.rpartition("portal___")[2] for name in own_handlers() if (p := policy_of(name)) and p.public
    }

    assert public == {
        "visitor____visitor_state.enter",
        "visitor____visitor_state.tell_unexpected",
        "visitor____visitor_state.dismiss",
        "accounts___sign_in_state____sign_in_state.load",
    }


def test_a_handler_runs_for_its_roles_and_for_nobody_else(house: House, pipeline: Pipeline) -> None:
    handlers = [name for name in own_handlers() if not name.endswith(".setvar")]
    ran: set[tuple[str, Role | None]] = set()

    async def steps(tab: Tab) -> None:
        for role in [None, *Role]:
            cookie = house.people[role].cookie if role else ""
            await tab.open(cookie=cookie, tab=f"tab-{role}")
            for name in handlers:
                with replaced(name, lambda name=name, role=role: ran.add((name, role))):
                    await tab.send(name, payload_of(name), cookie=cookie, tab=f"tab-{role}")

    pipeline.run(steps)

    assert ran == {
        (name, role)
        for name in handlers
        for role in [None, *Role]
        if policy(name).public or role in policy(name).roles
    }


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
        loaded = await tab.send(handler("billing___state____billing_state.load"), cookie=operator.cookie)
        await tab.send(handler("visitor____visitor_state.enter"), cookie=operator.cookie, path="/billing")
        stolen = await tab.open(cookie="")
        other = await tab.open(cookie=viewer.cookie)
        return loaded, stolen, other

    loaded, stolen, other = pipeline.run(steps)

    assert "ready" in shown(loaded)
    assert operator.email not in shown(stolen) + shown(other)
    assert '"can_act_rx_state_": true' in shown(loaded)
    assert '"can_act_rx_state_": true' not in shown(stolen) + shown(other)


def test_a_tenants_hydration_tells_nothing_of_operators(house: House, pipeline: Pipeline) -> None:
    async def steps(tab: Tab) -> list[Delta]:
        return await tab.open(cookie=house.people[Role.TENANT_ADMIN].cookie)

    told = shown(pipeline.run(steps))

    assert house.people[Role.OPERATOR].email not in told
    assert house.other.name_en not in told
    assert "_bound_to" not in told
    assert house.people[Role.TENANT_ADMIN].token not in told


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
            handler("billing___state____billing_state.load"), cookie=house.people[Role.OPERATOR].cookie
        )

    told = shown(pipeline.run(steps))

    assert '"is_database_lost_rx_state_": true' in told
    assert "billing_state" not in told


def handler(ending: str) -> str:
    return next(name for name in own_handlers() if name.endswith(f"portal___{ending}"))
