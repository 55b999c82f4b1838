"""A dangerous run cannot be walked round: whatever can move a run is found, and tried as everybody who may not."""

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from backend.accounts import service as accounts
from backend.actor import Actor, Role
from backend.errors import AppError
from backend.runbooks import people_service
from backend.runbooks import service as runs
from backend.runbooks.types import (
    LineKind,
    NewRun,
    Plan,
    Risk,
    RunbookRun,
    RunLine,
    RunStage,
    StepPlan,
    StepTraces,
    Superseded,
    Words,
)
from portal import routes
from portal.features.runbooks.run_state import RunPageState
from tests.guards.rules import sources
from tests.integration.portal.conftest import House, Person, own_handlers, payload_of
from tests.integration.portal.line import Exchange
from tests.integration.runbooks.conftest import MakeAction, confirmed, make_action, world

__all__ = ["make_action", "world"]

PAGE = RunPageState.get_full_name()
# Past this a run is on its way.
WAITS = (RunStage.WAITING, RunStage.CANCELLED, RunStage.DECLINED)
# The functions that ask for a run or move one, by the names under which modules of the portal know their services.
MOVERS = {
    "runs": {
        name
        for name, one in inspect.getmembers(people_service, inspect.isfunction)
        if one.__module__ == people_service.__name__ and not name.startswith("_")
    },
    "asking": {"ask", "ask_undo", "ask_scheduled"},
}


@pytest.fixture
def waiting(house: House, make_action: MakeAction) -> Callable[[], RunbookRun]:
    """Makes dangerous runs that wait for an approver; who asked for them is an approver as well."""
    make_action(Risk.DANGEROUS)

    def make() -> RunbookRun:
        return confirmed(house.people[Role.APPROVER].actor)

    return make


def moving_modules() -> Iterator[str]:
    """The modules of the portal that name a function which moves a run."""
    for source in sources("portal"):
        for node in ast.walk(ast.parse(source.text)):
            match node:
                case ast.Attribute(value=ast.Name(id=service), attr=name) if name in MOVERS.get(service, ()):
                    yield source.path


def test_no_route_moves_a_run_and_only_the_pages_of_runs_do() -> None:
    assert MOVERS["runs"] == {"ask", "confirm", "approve", "decline", "cancel", "go_on"}
    assert set(moving_modules()) == {
        "portal/features/runbooks/form_queries.py",
        "portal/features/runbooks/run_state.py",
    }


def handlers() -> list[str]:
    """Every handler of the pages of runs, those that only read included."""
    return [
        name
        for name in own_handlers()
        if ".portal___features___runbooks___" in name and not name.endswith((".setvar", ".follow"))
    ]


# A run is anybody's to cancel who operates: at three in the morning the one who asked may be asleep.
MAY_MOVE = {
    "the one who asked": {"cancel": RunStage.CANCELLED},
    "an operator": {"cancel": RunStage.CANCELLED},
    "an auditor": {},
    "a tenant's admin": {},
    "a tenant's viewer": {},
    "a stranger": {},
}


def people(house: House) -> Mapping[str, Person | None]:
    return {
        "the one who asked": house.people[Role.APPROVER],
        "an operator": house.people[Role.OPERATOR],
        "an auditor": house.people[Role.AUDITOR],
        "a tenant's admin": house.people[Role.TENANT_ADMIN],
        "a tenant's viewer": house.people[Role.TENANT_VIEWER],
        "a stranger": None,
    }


def test_no_handler_lets_a_dangerous_run_go_without_another_approver(
    house: House, exchange: Exchange, waiting: Callable[[], RunbookRun]
) -> None:
    moved: dict[str, dict[str, RunStage]] = {who: {} for who in people(house)}
    names = handlers()

    async def tries(cookie: str, told: dict[str, RunStage]) -> None:
        run = waiting()
        for name in names:
            path = routes.run(run.id)
            line = await exchange.join(cookie=cookie)
            await line.send(f"{PAGE}.load", path=path)
            form = {"plan": run.plan_hash, "typed": "one", "reason": "because"}
            given = {key: form if key == "form" else value for key, value in payload_of(name).items()}
            await line.send(f"{PAGE}.ask_decline", path=path)
            await line.send(name, given, path=path)
            after = runs.run(house.people[Role.AUDITOR].actor, run.id)
            assert after.state in WAITS, name
            if after.state is not RunStage.WAITING:
                told[name.rpartition(".")[2]] = after.state
                run = waiting()

    async def steps() -> None:
        for who, person in people(house).items():
            await tries(person.cookie if person else "", moved[who])

    exchange.run(steps)

    assert {f"{PAGE}.{name}" for name in ("approve", "confirm", "decline", "go_on")} <= set(names)
    assert moved == {who: MAY_MOVE[who] for who in moved}


def arguments(run: RunbookRun) -> dict[str, Any]:
    """A value for each parameter of the services, by its name."""
    step = StepPlan(name="write", is_cancellable=True, is_repeatable=True)
    return {
        "new": NewRun(
            action=run.action,
            parameters={},
            risk=Risk.DANGEROUS,
            targets=(),
            steps=(step,),
            deadline_s=60,
            request_key="k",
        ),
        "action": run.action,
        "run_id": run.id,
        "run": run,
        "seen": run,
        "plan_hash": run.plan_hash,
        "typed": "one",
        "reason": "because",
        "process": "here:1:1",
        "launch": run.launch,
        "plan": Plan(),
        "position": 0,
        "name": "write",
        "left": StepTraces(memory={}, result=()),
        "lines": [RunLine(number=1, at=run.requested_at, step="", kind=LineKind.OUTPUT, text="x")],
        "result": (),
        "outcome": Words(key="runbooks.outcome.crashed"),
        "why": Words(key="runbooks.outcome.crashed"),
    }


READ_ONLY = {
    *(
        "run",
        "steps",
        "search",
        "standing",
        "undo_runs",
        "lines",
        "holders",
        "last_durations_s",
        "last_ended_at",
        "ids_of",
        "successors",
        "scheduled_since",
    ),
}


def moving_services() -> dict[str, Callable[..., Any]]:
    """Every function of the one door to runs, but those that only read."""
    found = {name: one for name, one in vars(runs).items() if inspect.isfunction(one)}
    return {name: one for name, one in found.items() if name not in READ_ONLY}


def test_no_service_lets_a_dangerous_run_go_without_another_approver(
    house: House, waiting: Callable[[], RunbookRun]
) -> None:
    disabled = house.people[Role.OPERATOR].actor
    second = replace(disabled, role=Role.APPROVER)
    assert disabled.user_id is not None
    accounts.disable_user(Actor.process_named("test_seed"), disabled.user_id)
    actors = {who: person.actor for who, person in people(house).items() if person and who != "an operator"}
    actors["a disabled approver"] = second
    run, moved = waiting(), set()

    for who, actor in actors.items():
        for name, service in moving_services().items():
            parameters = list(inspect.signature(service).parameters.values())[1:]
            given = [arguments(run)[each.name] for each in parameters if each.kind is not each.KEYWORD_ONLY]
            with suppress(AppError, Superseded):
                service(actor, *given)
            after = runs.run(house.people[Role.AUDITOR].actor, run.id)
            assert after.state in WAITS, (who, name)
            if after.state is not RunStage.WAITING:
                moved.add((who, name))
                run = waiting()

    assert {"approve", "confirm", "take_up", "claim", "succeed"} <= moving_services().keys()
    assert moved == {("the one who asked", "cancel")}
