"""The page of deployments: it shows the ledger to staff, as text, follows what is told, and narrows by its address."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from backend import clock
from backend.actor import Role
from backend.config import settings
from backend.db.news import Topic
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployResult, NewDeploy, SmokeTest
from portal import feeds, live
from portal.features.deployments.state import DeploymentsState
from tests import factories
from tests.integration.portal.conftest import Delta, House, Pipeline, Tab, shown

PAGE = DeploymentsState.get_full_name()
HOSTILE = "<img src=x onerror=alert(1)> {{7*7}} [a](javascript:b)"


def told(key: str, *, hours_ago: float = 1, minutes: int | None = 5, **changed: object) -> NewDeploy:
    """A deployment that was told of: ended after some minutes, or still running."""
    started = clock.utc_now() - timedelta(hours=hours_ago)
    known = NewDeploy(key=key, service="docuchat-api", version="1.42.0", started_at=started)
    if minutes is not None:
        end = started + timedelta(minutes=minutes)
        known = replace(known, result=DeployResult.SUCCEEDED, finished_at=end)
    new = replace(known, **changed)  # type: ignore[arg-type]
    deploys.record_deploy(factories.PROCESS, new)
    return new


def opened(pipeline: Pipeline, cookie: str, query: str = "") -> str:
    """All that a tab is told when it opens the page at an address."""
    path = f"/deployments{query}"

    async def steps(tab: Tab) -> list[Delta]:
        await tab.open(cookie=cookie)
        return await tab.send(f"{PAGE}.load", cookie=cookie, path=path)

    return shown(pipeline.run(steps))


def test_the_ledger_is_shown_to_staff_in_both_languages_and_to_nobody_else(
    house: House, pipeline: Pipeline
) -> None:
    told("run-1", author="Sara", smoke_test=SmokeTest.FAILED, commit_sha="a1b2c3d4e5f6a7b8c9")
    told("run-2", hours_ago=0.5, minutes=None)
    told("run-3", hours_ago=3, minutes=None)
    english = house.people[Role.AUDITOR].cookie

    page, persian = opened(pipeline, english), opened(pipeline, english.replace("lang=en", "lang=fa"))
    others = [opened(pipeline, cookie) for cookie in ("", house.people[Role.TENANT_ADMIN].cookie)]

    assert page.count('"docuchat-api"') == 3
    assert all(
        words in page for words in ("Succeeded", "failed", "5 min", "for 30 min so far", "a1b2c3d4e5f6")
    )
    assert page.count("No end was told for more than two hours.") == 1
    assert "a1b2c3d4e5f6a7" not in page
    assert all(words in persian for words in ("با موفقیت", "۵ دقیقه", "تاکنون ۳۰ دقیقه", "۱۴۰"))
    assert PAGE not in "".join(others)


def test_the_address_narrows_the_list_and_leads_back(house: House, pipeline: Pipeline) -> None:
    told("run-1", author="سارا محمدی", version="1.0.1")
    told("run-2", service="frontend", result=DeployResult.FAILED, version="1.0.2")
    cookie = house.people[Role.OPERATOR].cookie

    def versions(query: str) -> list[str]:
        page = opened(pipeline, cookie, query)
        return [version for version in ("1.0.1", "1.0.2") if f'"{version}"' in page]

    assert versions("") == ["1.0.1", "1.0.2"]
    assert versions("?service=frontend") == ["1.0.2"]
    assert versions("?result=succeeded") == ["1.0.1"]
    assert versions("?result=nonsense") == ["1.0.1", "1.0.2"]
    assert versions("?author=%D8%B3%D8%A7%D8%B1%D8%A7+%D9%85%D8%AD%D9%85%D8%AF%DB%8C") == ["1.0.1"]
    assert versions("?deploy=nonsense") == []
    one = deploys.deploys_between(factories.PROCESS, clock.utc_now() - timedelta(days=1), clock.utc_now())[0]
    page = opened(pipeline, cookie, f"?deploy={one.id}")
    assert page.count('"docuchat-api"') + page.count('"frontend"') >= 1
    assert "One deployment" in page


def test_all_that_a_sender_tells_is_text(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYMENTS_CI_HOSTS", "ci.example.ir")
    settings.cache_clear()
    told("run-1", author=HOSTILE, branch=HOSTILE, ci_run="https://evil.example/7")
    told("run-2", author="\u202eSara\u200b", ci_run="https://ci.example.ir/7")

    page = opened(pipeline, house.people[Role.OPERATOR].cookie)

    assert f'"author": "{HOSTILE}"' in page
    assert f'"branch": "{HOSTILE}"' in page
    assert '"author": "Sara"' in page
    assert '"ci_url": "https://evil.example/7"' not in page
    assert '"ci_run": "https://evil.example/7"' in page
    assert '"ci_url": "https://ci.example.ir/7"' in page


def test_an_open_page_shows_what_is_told_meanwhile(
    house: House, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    monkeypatch.setattr(live, "SHORTEST_GAP_S", 0.01)
    sockets = {"tab": "none"}
    monkeypatch.setattr(app, "_event_namespace", SimpleNamespace(token_to_sid=sockets))
    cookie = house.people[Role.OPERATOR].cookie

    async def steps(tab: Tab) -> str:
        seen: list[Delta] = []
        await tab.open(cookie=cookie)
        await tab.send(f"{PAGE}.load", cookie=cookie, path="/deployments", told=seen)
        assert "run of" not in shown(seen)
        following = asyncio.ensure_future(
            tab.send(f"{PAGE}.follow", cookie=cookie, path="/deployments", told=seen)
        )
        for version in ("1.0.1", "1.0.2"):
            await asyncio.to_thread(told, f"run-{version}", version=version)
            feeds.announce(Topic.DEPLOYMENTS)
            await soon(lambda version=version: f'"{version}"' in shown(seen))
        sockets.clear()
        feeds.announce(Topic.DEPLOYMENTS)
        await following
        return shown(seen)

    assert '"is_unused": true' in pipeline.run(steps)


async def soon(is_so: Callable[[], bool]) -> None:
    for _ in range(500):
        if is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not so within 10 s")


def test_figures_are_shown_where_there_is_enough_for_them(house: House, pipeline: Pipeline) -> None:
    cookie = house.people[Role.OPERATOR].cookie
    told("run-0", hours_ago=20 * 24, result=DeployResult.FAILED)
    few = opened(pipeline, cookie)
    for day in range(10):
        start = clock.utc_now() - timedelta(days=day + 1)
        told(f"run-{day + 1}", hours_ago=24 * (day + 1), committed_at=start - timedelta(hours=2))

    enough = opened(pipeline, cookie)

    assert few.count("Too little yet") == 4
    assert "Not mended yet: 1." in few
    assert all(words in enough for words in ("3.5 a week", "2 h", "9.0", "1 of 11 deployments"))
