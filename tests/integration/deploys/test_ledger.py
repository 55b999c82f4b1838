"""The ledger of deployments in a real database: what is stored once, what is added, and who may read it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from backend import clock
from backend.actor import Role
from backend.db.news import PORTAL_NEWS
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployFilter, DeployResult, NewDeploy, RolloutTrace, SmokeTest
from backend.errors import Conflict, Forbidden, Invalid
from backend.sandbox.deployments import seed_deployments
from tests import factories

SENDER = factories.PROCESS
OPERATOR = factories.actor(Role.OPERATOR)
EVERYTHING = DeployFilter()


def deploy(key: str = "run-1", *, hours_ago: float = 1, **told: object) -> NewDeploy:
    known = NewDeploy(
        key=key,
        service="docuchat-api",
        version="1.42.0",
        started_at=clock.utc_now() - timedelta(hours=hours_ago),
        namespace="docuchat",
        workloads=("docuchat-api",),
    )
    return replace(known, **told)  # type: ignore[arg-type]


def done(running: NewDeploy, result: DeployResult = DeployResult.SUCCEEDED) -> NewDeploy:
    return replace(running, result=result, finished_at=running.started_at + timedelta(minutes=5))


def ledger() -> list[NewDeploy]:
    return [each.told for each in deploys.deployments(OPERATOR, EVERYTHING, limit=100).rows]


def test_messages_of_one_deployment_that_come_at_once_make_one_entry(database: str) -> None:
    del database
    running = deploy(author="Sara")
    messages = [running, done(running), replace(done(running), smoke_test=SmokeTest.PASSED)] * 6

    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda each: deploys.record_deploy(SENDER, each), messages))

    assert len({answer.id for answer in answers}) == 1
    assert ledger() == [replace(done(running), smoke_test=SmokeTest.PASSED)]


def test_a_message_that_is_repeated_gets_the_same_answer_and_changes_nothing(database: str) -> None:
    del database
    running = deploy()
    first = deploys.record_deploy(SENDER, running)
    ended = deploys.record_deploy(SENDER, done(running))

    assert deploys.record_deploy(SENDER, done(running)) == ended
    assert deploys.record_deploy(SENDER, running) == ended
    assert (first.id, first.received_at) == (ended.id, ended.received_at)


def test_another_end_of_the_same_deployment_is_refused_and_changes_nothing(database: str) -> None:
    del database
    running = deploy()
    deploys.record_deploy(SENDER, done(running))

    with pytest.raises(Conflict) as refused:
        deploys.record_deploy(SENDER, done(running, DeployResult.FAILED))

    assert refused.value.data == {"field": "result"}
    assert ledger() == [done(running)]


def test_an_impossible_time_is_named(database: str) -> None:
    del database
    with pytest.raises(Invalid) as refused:
        deploys.record_deploy(SENDER, deploy(hours_ago=-1))

    assert refused.value.data == {"field": "started_at", "reason": "time_out_of_range"}


def test_names_of_people_are_stored_without_what_nobody_sees(database: str) -> None:
    del database
    deploys.record_deploy(
        SENDER, deploy(author="\u202eSa\u200bra\0\x1b[2J علي", branch=" main\n" + "x" * 300)
    )

    [told] = ledger()
    assert told.author == "Sara[2J علی"
    assert told.branch == "main" + "x" * 196


def test_a_change_is_told_once_and_a_repetition_is_not(database: str) -> None:
    running = deploy()
    with psycopg.connect(database, autocommit=True) as listening:
        listening.execute(f"LISTEN {PORTAL_NEWS}")
        for message in (running, running, done(running), done(running), running):
            deploys.record_deploy(SENDER, message)
        listening.execute("SELECT 1")
        heard = [news.payload for news in listening.notifies(timeout=0)]

    assert heard == ["deployments", "deployments"]


def test_only_processes_write_and_only_staff_read(database: str) -> None:
    del database
    now = clock.utc_now()
    with pytest.raises(Forbidden):
        deploys.record_deploy(OPERATOR, deploy())
    for role in (Role.TENANT_ADMIN, Role.TENANT_VIEWER):
        stranger = factories.actor(role)
        for ask in (
            lambda who: deploys.deployments(who, EVERYTHING, limit=1),
            lambda who: deploys.deploys_between(who, now, now),
            lambda who: deploys.deploys_of(who, "docuchat", "docuchat-api"),
            lambda who: deploys.deploys_behind(who, []),
            deploys.deployed_services,
            deploys.delivery_figures,
        ):
            with pytest.raises(Forbidden):
                ask(stranger)


def test_the_ledger_is_narrowed_paged_and_newest_first(database: str) -> None:
    del database
    for hours, service, author, result in (
        (1, "docuchat-api", "Sara", DeployResult.SUCCEEDED),
        (2, "frontend", "Sara", DeployResult.FAILED),
        (3, "frontend", "Reza", DeployResult.SUCCEEDED),
    ):
        told = deploy(f"run-{hours}", hours_ago=hours, service=service, author=author)
        deploys.record_deploy(SENDER, done(told, result))

    def keys(narrowed: DeployFilter, limit: int = 10, offset: int = 0) -> tuple[list[str], int]:
        found = deploys.deployments(OPERATOR, narrowed, limit=limit, offset=offset)
        return [each.told.key for each in found.rows], found.total

    assert keys(EVERYTHING) == (["run-1", "run-2", "run-3"], 3)
    assert keys(EVERYTHING, limit=1, offset=1) == (["run-2"], 3)
    assert keys(DeployFilter(service="frontend")) == (["run-2", "run-3"], 2)
    assert keys(DeployFilter(author="Sara", result=DeployResult.FAILED)) == (["run-2"], 1)
    assert keys(DeployFilter(environment="staging")) == ([], 0)
    assert deploys.deployed_services(OPERATOR) == ["docuchat-api", "frontend"]


def test_what_was_under_way_is_found_by_time_and_by_workload(database: str) -> None:
    del database
    now = clock.utc_now()
    ended, running = done(deploy("ended", hours_ago=2)), deploy("running", hours_ago=1, workloads=("worker",))
    silent = deploy("silent", hours_ago=9)  # nobody told its end: it is not under way for ever
    for each in (ended, running, silent):
        deploys.record_deploy(SENDER, each)

    def between(start_h: float, end_h: float) -> list[str]:
        start, end = (now - timedelta(hours=hours) for hours in (start_h, end_h))
        return [each.told.key for each in deploys.deploys_between(OPERATOR, start, end)]

    assert between(3, 2.1) == []
    assert between(1.95, 1.5) == ["ended"]
    assert between(1.95, 0.9) == ["running", "ended"]
    assert between(0.5, 0) == ["running"]
    assert [each.told.key for each in deploys.deploys_of(OPERATOR, "docuchat", "worker")] == ["running"]
    assert deploys.deploys_of(OPERATOR, "elsewhere", "worker") == []


def test_each_rollout_is_told_the_deployment_behind_it(database: str) -> None:
    del database
    known = deploys.record_deploy(SENDER, done(deploy()))
    own = RolloutTrace(
        namespace="docuchat",
        workload="docuchat-api",
        began_at=known.told.started_at + timedelta(minutes=1),
        images=("registry.example/api:1.42.0",),
    )
    foreign = replace(own, workload="docuchat-worker")
    older = replace(own, began_at=own.began_at - timedelta(days=90))

    assert deploys.deploys_behind(OPERATOR, [foreign, own, own, older]) == [None, known, known, None]
    assert deploys.deploys_behind(OPERATOR, []) == []


def test_delivery_figures_are_those_of_production(database: str) -> None:
    del database
    for number in range(6):
        told = deploy(f"run-{number}", hours_ago=24 * (number + 2), committed_at=None)
        environment = "staging" if number == 0 else "production"
        deploys.record_deploy(SENDER, done(replace(told, environment=environment)))

    found = deploys.delivery_figures(OPERATOR)

    assert (found.success_count, found.failure_share) == (5, 0.0)
    assert found.deploys_per_day == pytest.approx(5 / 7, abs=0.01)
    assert deploys.delivery_figures(OPERATOR, "frontend").finished_count == 0


def test_the_demos_past_is_told_once_and_is_enough_for_every_figure(database: str) -> None:
    del database
    since = clock.utc_now().date() - timedelta(days=45)
    seed_deployments(SENDER, since)
    before = deploys.deployments(OPERATOR, EVERYTHING, limit=100)
    seed_deployments(SENDER, since)

    found = deploys.delivery_figures(OPERATOR)

    assert deploys.deployments(OPERATOR, EVERYTHING, limit=100) == before
    assert found.deploys_per_day
    assert found.lead_time
    assert found.failure_share is not None
