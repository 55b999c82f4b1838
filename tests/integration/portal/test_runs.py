"""The pages of actions and runs: from a form to its plan, through confirmation and approval, to the result."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from backend import clock
from backend.actor import Actor, Role
from backend.db.news import Topic
from backend.job_runs import service as job_runs
from backend.job_runs.types import Schedule, ScheduledJob, SchedulerProcess
from backend.runbooks import rules
from backend.runbooks import service as runs
from backend.runbooks.types import Risk, RunbookRun, RunSearch, RunStage, StepTraces, Words
from portal import feeds, routes
from portal.features.runbooks.form_state import ActionFormState
from portal.features.runbooks.list_state import RunsState
from portal.features.runbooks.run_state import RunPageState
from runbooks import engine
from tests.integration.portal.conftest import House, Person
from tests.integration.portal.line import Exchange, Line
from tests.integration.runbooks.conftest import (
    MakeAction,
    World,
    confirmed,
    ended,
    make_action,
    planned,
    world,
)

__all__ = ["make_action", "world"]

SCHEDULER = Actor.process_named("scheduler")
RUNNER = Actor.process_named("runbooks")
LONG_S = 20.0
PAGE, FORM, LIST = (each.get_full_name() for each in (RunPageState, ActionFormState, RunsState))


@dataclass
class Browser:
    """A tab on one page: it sends handlers, and knows all that it was told."""

    line: Line
    path: str
    state: str

    async def sends(self, handler: str, **payload: Any) -> dict[str, Any]:
        """Send a handler, and read the page's vars."""
        await self.line.send(f"{self.state}.{handler}", payload, path=self.path)
        return self.vars

    @property
    def vars(self) -> dict[str, Any]:
        """The vars of the page as the browser has them now."""
        return vars_of(self.line.told, self.state)

    @property
    def leads_to(self) -> str:
        """Where the browser was sent."""
        found = [part for part in self.line.told.split('"') if part.startswith("/runs/")]
        return found[-1] if found else ""


def vars_of(told: str, state: str) -> dict[str, Any]:
    """The vars of a state after all that was told."""
    known: dict[str, Any] = {}
    for frame in told.splitlines():
        _, _, sent = frame.partition(",")
        if "delta" in sent:
            known |= json.loads(sent)[1]["delta"].get(state, {})
    return {name.removesuffix("_rx_state_"): value for name, value in known.items()}


async def browser(exchange: Exchange, who: Person, path: str, state: str) -> Browser:
    """A tab that has loaded a page; who follows by itself is left out."""
    opened = Browser(line=await exchange.join(cookie=who.cookie), path=path, state=state)
    await opened.sends("load")
    return opened


@pytest.fixture
def leader(house: House) -> None:
    """A leading scheduler with a job that can be paused."""
    del house
    now = clock.utc_now()
    process = SchedulerProcess(id=uuid4(), host="jobs-1", pid=7, is_leader=True, started_at=now, seen_at=now)
    jobs = [
        ScheduledJob(schedule=Schedule(job="send_mail", every_s=5), next_run_at=now + timedelta(seconds=5))
    ]
    job_runs.tell_scheduler(SCHEDULER, process, jobs)


def all_runs(actor: Actor) -> Sequence[RunbookRun]:
    return runs.search(actor, RunSearch()).rows


def test_a_form_is_filled_by_its_address_and_asks_once_however_often_it_is_clicked(
    house: House, exchange: Exchange, leader: None
) -> None:
    operator = house.people[Role.OPERATOR]
    path = routes.action("pause_job", {"job": "send_mail"})
    filled = {"job": "send_mail", "reason": "the mail server moves"}

    async def steps() -> tuple[Mapping[str, Any], str]:
        page = await browser(exchange, operator, path, FORM)
        shown = page.vars
        for _ in range(2):
            await page.sends("ask", form=filled)
        return shown["view"], page.leads_to

    view, leads_to = exchange.run(steps)

    assert [(each["name"], each["value"]) for each in view["fields"]] == [
        ("job", "send_mail"),
        ("reason", ""),
    ]
    assert view["fields"][0]["choices"] == [{"value": "send_mail", "title": "Sending mails"}]
    [run] = all_runs(operator.actor)
    assert (run.parameters, run.state, leads_to) == (filled, RunStage.PLANNING, routes.run(run.id))


def test_a_form_is_there_when_its_address_is_opened(house: House, exchange: Exchange, leader: None) -> None:
    path = routes.action("pause_job", {"job": "send_mail"})

    async def steps() -> dict[str, Any]:
        opened = await exchange.join(cookie=house.people[Role.OPERATOR].cookie, path=path)
        return vars_of(opened.told, FORM)

    shown = exchange.run(steps)

    assert (shown["phase"], shown["view"]["name"], shown["can_act"]) == ("ready", "pause_job", True)
    assert shown["view"]["fields"][0]["value"] == "send_mail"


def test_a_plan_is_shown_confirmed_and_carried_out_and_undone_from_its_page(
    house: House, exchange: Exchange, make_action: MakeAction, world: World
) -> None:
    make_action(Risk.DESTRUCTIVE)
    operator = house.people[Role.OPERATOR]
    run = planned(operator.actor)

    async def steps() -> list[Mapping[str, Any]]:
        page = await browser(exchange, operator, routes.run(run.id), PAGE)
        seen = [page.vars["view"]]
        for typed in ("two", "one"):
            told = await page.sends("confirm", form={"plan": seen[0]["plan"]["key"], "typed": typed})
            seen.append({**told["view"], "problem": told["action_problem"]})
        engine.work_on(run.id)
        seen.append((await page.sends("load"))["view"])
        await page.sends("undo")
        await page.sends("undo")
        return [*seen, {"leads_to": page.leads_to}]

    before, refused, queued, done, after = exchange.run(steps)

    assert before["plan"]["changes"][0] | {"what": ""} == {"what": "", "before": "old", "after": "new"}
    assert (before["plan"]["typed"], before["choices"]["confirm"]) == ("one", True)
    assert (refused["stage"], "not what the plan asks for" in refused["problem"]) == ("planned", True)
    assert (queued["stage"], queued["problem"]) == ("queued", "")
    assert (done["stage"], done["choices"]["undo"], len(done["results"])) == ("succeeded", True, 1)
    [undo, _] = all_runs(operator.actor)
    assert (undo.undo_of, after["leads_to"]) == (run.id, routes.run(undo.id))
    assert world.value == "new"


def test_a_dangerous_plan_is_approved_by_another_person_from_the_page_that_showed_it(
    house: House, exchange: Exchange, make_action: MakeAction
) -> None:
    make_action(Risk.DANGEROUS)
    operator, approver = house.people[Role.OPERATOR], house.people[Role.APPROVER]
    run = confirmed(operator.actor)

    async def steps() -> list[Mapping[str, Any]]:
        own = await browser(exchange, operator, routes.run(run.id), PAGE)
        await own.sends("approve", form={"plan": run.plan_hash})
        other = await browser(exchange, approver, routes.run(run.id), PAGE)
        waiting = await browser(exchange, approver, routes.RUNS, LIST)
        seen = [own.vars["view"], other.vars["view"], waiting.vars["view"]]
        told = await other.sends("approve", form={"plan": "another"})
        seen.append({"problem": told["action_problem"]})
        return [*seen, (await other.sends("approve", form={"plan": run.plan_hash}))["view"]]

    own, other, waiting, wrong, approved = exchange.run(steps)

    assert (own["stage"], own["choices"]["decide"], other["choices"]["decide"]) == ("waiting", False, True)
    assert "another approver has to decide" in own["choices"]["why_not"]
    assert waiting["waiting"] == "Waiting for your decision: 1"
    assert "another one than the page showed" in wrong["problem"]
    assert (approved["stage"], "approver@" in approved["approved"]) == ("queued", True)


def test_the_list_is_narrowed_by_its_address(
    house: House, exchange: Exchange, make_action: MakeAction
) -> None:
    make_action()
    operator, approver = house.people[Role.OPERATOR], house.people[Role.APPROVER]
    done = ended(operator.actor)
    planned(approver.actor)
    narrowed = {
        "": 2,
        f"?who={operator.actor.label}": 1,
        "?state=planned": 1,
        "?target=thing:one": 2,
        "?target=thing:two": 0,
        "?action=pause_job": 0,
        "?alert=HighLatency": 0,
    }

    async def steps() -> dict[str, list[Mapping[str, Any]]]:
        found = {}
        for query in narrowed:
            page = await browser(exchange, operator, f"{routes.RUNS}{query}", LIST)
            found[query] = page.vars["view"]["rows"]
        return found

    found = exchange.run(steps)

    assert {query: len(rows) for query, rows in found.items()} == narrowed
    [own] = found[f"?who={operator.actor.label}"]
    assert (own["url"], own["state"]) == (routes.run(done.id), "Succeeded")


def test_a_run_that_is_told_to_stop_is_being_cancelled_until_its_process_is_gone(
    house: House, exchange: Exchange, make_action: MakeAction
) -> None:
    make_action()
    operator = house.people[Role.OPERATOR]
    run = confirmed(operator.actor)
    runs.claim(RUNNER, run.id)
    taken = runs.take_up(RUNNER, run.id, "here:1:1")
    assert taken is not None

    async def steps() -> list[Mapping[str, Any]]:
        page = await browser(exchange, operator, routes.run(run.id), PAGE)
        seen = [page.vars["view"], (await page.sends("cancel"))["view"]]
        told = await page.sends("cancel")
        seen.append({**told["view"], "problem": told["action_problem"]})
        runs.note_gone(RUNNER, runs.run(RUNNER, run.id), Words(key="runbooks.outcome.process_gone"))
        return [*seen, (await page.sends("load"))["view"]]

    running, cancelling, again, cancelled = exchange.run(steps)

    assert (running["state"], running["choices"]["cancel"]) == ("Running", True)
    assert (cancelling["state"], cancelling["choices"]["cancel"]) == ("Being cancelled", False)
    assert "cancelled only when its process is gone" in cancelling["explains"]
    assert (again["stage"], again["problem"]) == ("cancelling", "")
    assert (cancelled["state"], "operator@" in cancelled["cancelled"]) == ("Cancelled", True)


def test_a_run_says_on_its_page_while_it_puts_back_what_it_had_changed(
    house: House, exchange: Exchange, make_action: MakeAction
) -> None:
    make_action()
    operator = house.people[Role.OPERATOR]
    run = confirmed(operator.actor)
    runs.claim(RUNNER, run.id)
    taken = runs.take_up(RUNNER, run.id, "here:1:1")
    assert taken is not None
    runs.cancel(operator.actor, run.id)
    left = StepTraces(memory={rules.MENDING: rules.mending(taken.launch, clock.utc_now())}, result=[])

    async def steps() -> tuple[list[str], bool]:
        page = await browser(exchange, operator, routes.run(run.id), PAGE)
        before = page.vars["view"]["explains"]
        start = feeds.versions(Topic)
        async with feeds.told_by_database():
            seen = await feeds.moved(start, LONG_S)
            await asyncio.to_thread(runs.remember, RUNNER, taken, left)
            now = await feeds.moved(seen, LONG_S)
        after = (await page.sends("load"))["view"]["explains"]
        return [before, after], now[Topic.RUNBOOKS] > seen[Topic.RUNBOOKS]

    (before, after), is_told = exchange.run(steps)

    assert is_told
    assert "has not stopped yet" in before
    assert "puts back what it had changed" in after


def test_a_run_whose_process_died_goes_on_from_its_page_and_a_declined_one_tells_the_reason(
    house: House, exchange: Exchange, make_action: MakeAction
) -> None:
    make_action(Risk.DANGEROUS)
    operator, approver = house.people[Role.OPERATOR], house.people[Role.APPROVER]
    declined, lost = (confirmed(operator.actor) for _ in range(2))
    runs.approve(approver.actor, lost.id, lost.plan_hash)
    runs.claim(RUNNER, lost.id)
    runs.take_up(RUNNER, lost.id, "here:1:1")
    runs.note_gone(RUNNER, runs.run(RUNNER, lost.id), Words(key="runbooks.outcome.process_gone"))

    async def steps() -> list[Mapping[str, Any]]:
        beside = await browser(exchange, approver, routes.run(lost.id), PAGE)
        page = await browser(exchange, operator, routes.run(lost.id), PAGE)
        seen = [beside.vars["view"], page.vars["view"], (await page.sends("go_on"))["view"]]
        other = await browser(exchange, approver, routes.run(declined.id), PAGE)
        await other.sends("ask_decline")
        seen.append(await other.sends("decline", form={"reason": " "}))
        return [*seen, (await other.sends("decline", form={"reason": "not at noon"}))["view"]]

    beside, died, goes_on, unanswered, refused = exchange.run(steps)

    assert "Somebody else asked for this run" in beside["choices"]["why_not"]

    assert (died["stage"], died["choices"]["go_on"]) == ("lost", True)
    assert goes_on["stage"] == "queued"
    assert (unanswered["decline_problem"] != "", unanswered["view"]["stage"]) == (True, "waiting")
    assert (refused["stage"], "not at noon" in refused["outcome"]) == ("declined", True)
