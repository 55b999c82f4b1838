"""The page of the audit trail, and the file that one takes along."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from backend.actor import Actor, Role
from backend.audit import service as audit
from portal.features.audit.rows import AuditRow, AuditView, CheckView
from portal.features.audit.state import AuditState
from tests.integration.audit.test_chain import tamper
from tests.integration.portal.conftest import Delta, House, Pipeline, Served, Tab

NAME = AuditState.get_full_name()


def seen(pipeline: Pipeline, cookie: str, path: str = "/audit") -> AuditView:
    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        return await tab.send(f"{NAME}.load", cookie=cookie, path=path)

    told: dict[str, Any] = {}
    for delta in pipeline.run(steps):
        told |= delta.get(NAME, {})
    view = told["view_rx_state_"]
    assert isinstance(view, AuditView)
    return view


def test_an_entry_is_a_sentence_with_its_stored_fields(house: House, pipeline: Pipeline) -> None:
    operator = house.people[Role.OPERATOR]
    audit.record(operator.actor, "job.paused", "job:nightly_billing", {"reason": "prices change"})
    audit.record(Actor.process_named("demo_seed"), "tenant.created", "tenants", {})
    audit.record(operator.actor, "new.thing", "thing:7", {})

    other, seeded, paused, *_ = seen(pipeline, house.people[Role.AUDITOR].cookie).rows

    assert said(paused) == "operator@people.example paused the job “Nightly billing”"
    assert (paused.reason, paused.url) == ("prices change", "/jobs?job=nightly_billing")
    assert {field.name: field.value for field in paused.raw}["actor"] == "user:operator@people.example"
    assert said(seeded) == "The process “setting up the demo” created several companies"
    assert said(other) == "operator@people.example: new.thing, thing:7"


def said(row: AuditRow) -> str:
    return "".join(part.text for part in row.sentence)


def test_a_search_stands_in_the_address_and_leads_to_older_pages(house: House, pipeline: Pipeline) -> None:
    operator, cookie = house.people[Role.OPERATOR], house.people[Role.AUDITOR].cookie
    for number in range(25):
        audit.record(operator.actor, "job.resumed", f"job:{number}", {})
    audit.record(house.people[Role.APPROVER].actor, "job.resumed", "job:x", {})

    first = seen(pipeline, cookie, "/audit?who=OPERATOR&what=job.resumed")
    second = seen(pipeline, cookie, first.pager.following)
    back = seen(pipeline, cookie, second.pager.previous)

    assert [len(page.rows) for page in (first, second, back)] == [20, 5, 20]
    assert (first.pager.previous, second.pager.following) == ("", "")
    assert [row.key for row in back.rows] == [row.key for row in first.rows]
    assert first.export_url == "/audit/export?who=OPERATOR&what=job.resumed"


def test_a_time_that_is_none_is_told_and_a_broken_place_is_the_first_page(
    house: House, pipeline: Pipeline
) -> None:
    cookie = house.people[Role.AUDITOR].cookie

    wrong = seen(pipeline, cookie, "/audit?since=yesterday")
    odd = seen(pipeline, cookie, "/audit?before=1-x&after=99999999999999999-1")

    assert (wrong.problem != "", wrong.rows) == (True, [])
    assert odd.problem == ""


def test_the_chain_is_checked_from_the_page(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    monkeypatch.setattr(app, "_event_namespace", SimpleNamespace(token_to_sid={"tab": "none"}))
    operator, cookie = house.people[Role.OPERATOR], house.people[Role.AUDITOR].cookie
    for number in range(3):
        audit.record(operator.actor, "job.resumed", f"job:{number}", {})
    entries = len(audit.entries(operator.actor))

    whole = checked(pipeline, cookie)
    tamper(f"UPDATE audit_entry SET action = 'x' WHERE id = {entries - 1}")
    broken = checked(pipeline, cookie)

    assert (whole.tone, whole.broken) == ("ok", [])
    assert whole.head == audit.entries(operator.actor)[0].hash.hex()
    assert (broken.tone, broken.broken) == ("bad", [f"Entry {entries - 1}: it is not what was written."])


def checked(pipeline: Pipeline, cookie: str) -> CheckView:
    """What the page says when the check of the chain is over."""

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        return await tab.send(f"{NAME}.verify", cookie=cookie)

    told = [delta[NAME] for delta in pipeline.run(steps) if NAME in delta]
    view = told[-1]["check_rx_state_"]
    assert isinstance(view, CheckView)
    return view


def test_the_trail_is_taken_along_as_json_lines(served: Served) -> None:
    people = served.house.people
    audit.record(people[Role.OPERATOR].actor, "job.paused", "job:x", {"reason": "چرا که نه"})

    with served.client(people[Role.AUDITOR].cookie) as client:
        answer = client.get("/audit/export?what=job.paused")
        refused = client.get("/audit/export?since=yesterday")

    [entry] = [json.loads(line) for line in answer.text.splitlines()]
    assert (entry["action"], entry["detail"]) == ("job.paused", {"reason": "چرا که نه"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"].startswith('attachment; filename="audit-')
    assert refused.status_code == 400
