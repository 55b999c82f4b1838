"""The whole product, built and running, and a real Chromium in front of it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Frame,
    Locator,
    Page,
    Response,
    expect,
    sync_playwright,
)

from backend.clock import utc_now
from backend.config import DEFAULT_DEPLOYMENTS_TOKEN
from backend.i18n.catalog import LANGUAGES, Lang, text
from backend.sandbox import history, tools
from backend.sandbox.incidents.cluster import ClusterHands
from backend.sandbox.incidents.pipeline import Pipeline
from backend.sandbox.incidents.world import World
from backend.sandbox.signins import SignIn, sign_ins
from backend.sandbox.site import process_environment
from backend.sandbox.stack import Stack

SCREENS = tools.LOCAL / "screens"
# Of what failed: a picture of each page, and with TRACES=1 all that its browser did, for `playwright show-trace`.
TRACES = tools.LOCAL / "traces"
HAS_FAILED = pytest.StashKey[bool]()
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTHS = {"desktop": 1280, "phone": 360}
WIDTHS_BY_LANG = {"fa": "phone", "en": "desktop"}
# What moved on a page without a click just before it, as browsers measure it; 0.1 is what they call good.
MOST_MOVED = 0.02
WATCH_MOVES = """
window.moved = [];
new PerformanceObserver(list => list.getEntries().filter(each => !each.hadRecentInput).forEach(each => {
  window.moved.push([each.value, each.sources.map(from => String(from.node && from.node.className))]);
})).observe({type: "layout-shift", buffered: true});
"""
# Told in the console, because a page's own variables end with the page.
POLICY_BROKEN = "content security policy: "
WATCH_POLICY = f"""
document.addEventListener("securitypolicyviolation", broken => console.error(
  "{POLICY_BROKEN}" + broken.effectiveDirective + " " + broken.blockedURI + " on " + location.pathname));
"""
# The address of every page that a visit has opened, with the policy watched.
SEEN: set[str] = set()
# A busy machine answers late now and then; a person would wait as well.
PATIENCE_MS = 20_000

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="package")
def before_the_stack() -> datetime:
    """An instant after all of the history's processes and before every live one."""
    return utc_now()


@pytest.fixture(scope="package")
def stack(before_the_stack: datetime) -> Iterator[Stack]:
    """Everything that `make demo` starts, with three days of history and nothing left from last time."""
    made = Stack(tools.LOCAL / "e2e", history_days=3, use="e2e", scrape_interval_s=2)
    made.forget()
    with Stack(tools.LOCAL / "e2e", history_days=3, use="e2e", scrape_interval_s=2) as running:
        yield running


@pytest.fixture(scope="package")
def people(stack: Stack) -> dict[str, SignIn]:
    """Those who can sign in, by role."""
    return {person.role: person for person in sign_ins(stack)}


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One headless Chromium for all tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(tools.chromium()), args=CHROMIUM_ARGS)
        yield browser
        browser.close()


class Visit:
    """A person in front of a browser window, in one language."""

    def __init__(self, stack: Stack, context: BrowserContext, lang: Lang, width: str) -> None:
        self.stack = stack
        self.url = stack.web_url
        """The address where the person knows the portal."""
        self.context = context
        self.lang: Lang = lang
        self.width = width
        self.page: Page = context.new_page()
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("response", self._note_missing)
        self.page.on("console", self._note_broken_policy)
        self.page.on("framenavigated", self._note_address)
        self.page.add_init_script(WATCH_MOVES)
        self.page.add_init_script(WATCH_POLICY)

    def _note_broken_policy(self, message: ConsoleMessage) -> None:
        if message.text.startswith(POLICY_BROKEN):
            self.problems.append(message.text)

    def _note_address(self, frame: Frame) -> None:
        if frame == self.page.main_frame and frame.url.startswith(self.stack.web_url):
            SEEN.add(urlsplit(frame.url).path)

    def _note_missing(self, response: Response) -> None:
        if response.status == HTTPStatus.NOT_FOUND and response.request.resource_type != "document":
            self.problems.append(f"{response.url} is not there")

    def expect_stillness(self) -> None:
        """Nothing on the page may have jumped since it was opened."""
        moved = self.page.evaluate("window.moved")
        assert sum(value for value, _ in moved) <= MOST_MOVED, moved

    def t(self, key: str, **params: str | int) -> str:
        """A sentence of the catalogue in the visit's language."""
        return text(key, self.lang, **params)

    def go(self, path: str) -> Page:
        """Open an address of the portal and wait until clicks are answered."""
        self.page.goto(self.url + path, wait_until="domcontentloaded")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the page has its data: hydrated, and no skeleton left."""
        self.page.locator("[data-hydrated]").first.wait_for(state="attached", timeout=PATIENCE_MS)
        expect(self.page.locator("[aria-busy=true]")).to_have_count(0)

    def sign_in(self, person: SignIn) -> "Visit":
        """Sign in by the form and choose the visit's language."""
        self.go("/sign-in")
        self.page.locator("#email").fill(person.email)
        self.page.locator("#password").fill(person.password)
        self.page.get_by_role("button", name=self.t("page.sign_in.submit")).click()
        self.page.wait_for_url(lambda url: "/sign-in" not in url)
        if self.page.locator("html").get_attribute("lang") != self.lang:
            self.page.goto(f"{self.url}/lang/{self.lang}?next=/")
        return self

    def screenshot(self, name: str) -> Path:
        """Keep what a person sees, whole page, under `.local/screens`; nothing may stick out sideways."""
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{name} scrolls sideways by {wide} px at {self.width}"
        # A head that stays in view would stand in the middle of the picture.
        self.page.evaluate("window.scrollTo(0, 0)")
        SCREENS.mkdir(parents=True, exist_ok=True)
        path = SCREENS / f"{name}-{self.lang}-{WIDTHS[self.width]}.png"
        self.page.screenshot(path=path, full_page=True)
        return path

    def is_answered(self, answer: Locator) -> None:
        """The answer to what was done last is in sight, and the focus is on it or around it."""
        expect(answer).to_be_in_viewport(ratio=1)
        is_at_focus = (
            "part => document.activeElement !== document.body && document.activeElement.contains(part)"
        )
        assert answer.evaluate(is_at_focus), self.page.evaluate(
            "document.activeElement.outerHTML.slice(0, 200)"
        )


Visitor = Callable[..., Visit]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[HAS_FAILED] = item.stash.get(HAS_FAILED, False) or report.failed
    return report


def keep_evidence(visit: Visit, name: str, folder: Path = TRACES) -> None:
    """Keep a picture of what a visit sees now, and its trace where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    visit.page.screenshot(path=folder / f"{name}.png", full_page=True)
    if os.environ.get("TRACES"):
        visit.context.tracing.stop(path=folder / f"{name}.zip")


@pytest.fixture
def visit(request: pytest.FixtureRequest, stack: Stack, chromium: Browser) -> Iterator[Visitor]:
    """Make a visit: `visit(lang, width)`; it ends with the test, without a script error or a broken policy."""
    made: list[Visit] = []

    def make(lang: Lang = "fa", width: str = "desktop") -> Visit:
        context = chromium.new_context(
            viewport={"width": WIDTHS[width], "height": 800 if width == "desktop" else 740},
            locale="fa-IR" if lang == "fa" else "en-GB",
            timezone_id="Asia/Tehran",
        )
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([{"name": "lang", "value": lang, "url": stack.web_url}])
        if os.environ.get("TRACES"):
            context.tracing.start(screenshots=True, snapshots=True)
        made.append(Visit(stack, context, lang, width))
        return made[-1]

    yield make
    problems = [problem for each in made for problem in each.problems]
    if request.node.stash.get(HAS_FAILED, False) or problems:
        name = re.sub(r"\W+", "-", request.node.name)
        for number, each in enumerate(made):
            with suppress(Error):  # the page may be what died
                keep_evidence(each, f"{name}-{number}")
    for each in made:
        each.context.close()
    assert problems == []


@pytest.fixture
def operators(people: dict[str, SignIn], visit: Visitor) -> list[Visit]:
    """An operator at night with a phone in Persian, and one at a desk in English."""
    return [visit(lang, WIDTHS_BY_LANG[lang]).sign_in(people["operator"]) for lang in LANGUAGES]


@pytest.fixture
def world(stack: Stack) -> World:
    """The hands that bring trouble, as those of the console of incidents."""
    cluster = ClusterHands(stack.kubeconfig)
    return World(
        cluster=cluster,
        pipeline=Pipeline(cluster=cluster, portal_url=stack.web_url, token=DEFAULT_DEPLOYMENTS_TOKEN),
        openai_url=stack.openai_url,
        docuchat_urls=[stack.url_of(name) for name in history.INSTANCES],
        stop_part=stack.stop,
        start_part=stack.start,
        run_module=stack.run_module,
    )


def asked(stack: Stack, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """What the database says."""
    with psycopg.connect(stack.database_url) as connection:
        return connection.execute(statement, values).fetchall()


def run_module(stack: Stack, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run one of our commands to its end, in the environment of the stack."""
    return subprocess.run(
        [sys.executable, "-m", *argv],
        env=process_environment(stack),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=Path(__file__).parents[2],
    )


def measured(stack: Stack, day: str, tenant: str) -> list[dict[str, Any]]:
    """What the public command says of a tenant's day, from Prometheus alone."""
    run = run_module(
        stack,
        "backend.usage",
        "--day",
        day,
        "--tenant",
        tenant,
        "--json",
        "--prometheus-url",
        stack.prometheus_url,
    )
    assert run.returncode in {0, 3}, run.stderr
    rows: list[dict[str, Any]] = json.loads(run.stdout)
    return rows
