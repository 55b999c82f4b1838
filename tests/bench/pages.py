"""First load and click to answer of the usage page, in a cold Chromium, beside others' same page, round by round.

The page is the product's own: a chart of 30 days and a table of 20 rows, for a person who is signed in already.
A load ends when a click was answered: the button for older days is pressed as soon as it is there and can be
pressed, and the clock stops when the table shows them. "Throttled" is 10 Mbit/s, 100 ms
round trip and a CPU 4 times slower. The others' servers run beside ours and are asked in the same rounds.
"""

import argparse
import gzip
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

import portal.portal  # noqa: F401 (registers the pages)
from backend.actor import Role
from backend.sandbox import tools
from backend.sandbox.signins import SignIn, sign_ins
from backend.sandbox.stack import Stack
from portal import routes
from portal.pages import Page as PortalPage
from portal.pages import registered
from tests.bench import rivals
from tests.bench.figures import Figures, say, say_table
from tests.bench.rivals import Rival

ROUNDS = 7
HISTORY_DAYS = 31
TABLE_ROWS = 20
CLICKS = 100
# The guard lets a tab send 20 events a second; a bench that is refused would measure that.
BETWEEN_CLICKS_MS = 60
PATIENCE_MS = 60_000
CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SLOW_LINE = {
    "offline": False,
    "latency": 100,
    "downloadThroughput": 10_000_000 / 8,
    "uploadThroughput": 10_000_000 / 8,
}
SLOW_CPU = {"rate": 4}

BUDGET_KB = 180
BUDGET_CHART_KB = 285

# What a person would notice, with the moment of each: the page is hydrated, shows all of its content, and answers.
WATCH = """
(() => {
  const seen = window.benchSeen = {};
  const shown = () => document.querySelector('.pager [aria-live]')?.textContent ?? '';
  const look = () => {
    const now = performance.now();
    if (!seen.hydrated && document.querySelector('[data-hydrated]')) { seen.hydrated = now; }
    if (!seen.content && document.querySelectorAll('tbody tr').length >= ROWS
        && document.querySelectorAll('.chart-day').length >= 30) { seen.content = now; }
    const older = document.querySelector('.pager a');
    if (!seen.clicked) {
      if (seen.hydrated && older) { seen.before = shown(); seen.clicked = now; older.click(); }
    } else if (!seen.answered && shown() !== seen.before) {
      seen.answered = now;
      document.documentElement.dataset.benchAnswered = 'yes';
    }
  };
  new MutationObserver(look).observe(document, {
    subtree: true, childList: true, attributes: true, characterData: true,
  });
})();
""".replace("ROWS", str(TABLE_ROWS))

# The overview asks for no click: it answers when its sentence and its tiles are there.
WATCH_OVERVIEW = """
(() => {
  const seen = window.benchSeen = {};
  const look = () => {
    const now = performance.now();
    if (!seen.hydrated && document.querySelector('[data-hydrated]')) { seen.hydrated = now; }
    if (seen.hydrated && document.querySelector('.headline h1')?.textContent
        && document.querySelectorAll('.tile.tone').length >= TILES) {
      seen.content = seen.answered = now;
      document.documentElement.dataset.benchAnswered = '1';
      return;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
""".replace("TILES", "12")
CLICK_ON = """
async ({clicks, pauseMs}) => {
  const shown = () => document.querySelector('.pager [aria-live]').textContent;
  const answered = (before) => new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (shown() !== before) { observer.disconnect(); resolve(performance.now()); }
    });
    observer.observe(document.querySelector('.pager'), {subtree: true, childList: true, characterData: true});
  });
  const times = [];
  for (let n = 0; n < clicks; n++) {
    const done = answered(shown());
    const start = performance.now();
    document.querySelector('.pager a').click();
    times.push(await done - start);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return times;
}
"""

PAINTED = (
    "performance.getEntriesByType('paint').find((e) => e.name === 'first-contentful-paint')?.startTime ?? 0"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One first load: seconds since the navigation began, and bytes over the wire by kind."""

    painted_s: float
    hydrated_s: float
    content_s: float
    answered_s: float
    wire_bytes: Mapping[str, int]


class Wire:
    """What comes over the wire to one page, by kind, as Chromium counts it: headers included, compressed."""

    def __init__(self, session: CDPSession) -> None:
        """Count from now on."""
        self.by_kind: dict[str, int] = {}
        self.scripts: list[str] = []
        self._kinds: dict[str, str] = {}
        session.send("Network.enable")
        session.on("Network.responseReceived", self._begin)
        session.on("Network.loadingFinished", self._end)
        session.on("Network.webSocketFrameReceived", self._frame)

    def _begin(self, event: dict[str, Any]) -> None:
        url = event["response"]["url"]
        # A script that is preloaded counts as "Other" for Chromium, and as a script for whoever waits for it.
        is_script = urlsplit(url).path.endswith(".js")
        self._kinds[event["requestId"]] = "Script" if is_script else event["type"]
        if is_script and url not in self.scripts:
            self.scripts.append(url)

    def _end(self, event: dict[str, Any]) -> None:
        kind = self._kinds.get(event["requestId"], "Other")
        self.by_kind[kind] = self.by_kind.get(kind, 0) + int(event["encodedDataLength"])

    def _frame(self, event: dict[str, Any]) -> None:
        size = len(event["response"]["payloadData"].encode())
        self.by_kind["Socket"] = self.by_kind.get("Socket", 0) + size


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A person with a session, in front of browsers that have never been here."""

    chromium: Browser
    web_url: str
    token: str

    @contextmanager
    def fresh_page(self) -> Iterator[tuple[BrowserContext, Page, CDPSession]]:
        """A page in a browser window with a cookie and an empty cache."""
        context = self.chromium.new_context(
            viewport={"width": 1280, "height": 800}, locale="fa-IR", timezone_id="Asia/Tehran"
        )
        try:
            context.set_default_timeout(PATIENCE_MS)
            context.add_cookies([{"name": "portal", "value": self.token, "url": self.web_url}])
            page = context.new_page()
            yield context, page, context.new_cdp_session(page)
        finally:
            context.close()


def measure(asked: argparse.Namespace) -> Figures:
    """Measure the usage page's loads and clicks and every page's scripts; prints as it goes."""
    say("\nPages in a cold Chromium")
    with (
        Stack(tools.LOCAL / "bench" / "pages", history_days=HISTORY_DAYS, use="bench") as stack,
        chromium() as browser,
    ):
        people = {person.role: person for person in sign_ins(stack)}
        tenant, operator = (
            Visitor(chromium=browser, web_url=stack.web_url, token=token_of(stack.web_url, people[role]))
            for role in ("tenant_admin", "operator")
        )
        # Pages of a workload and of an alert need one.
        figures: Figures = {"javascript": scripts(tenant, operator)}
        # What the page does not ask is ended: the outside world's work is not the page's.
        for part in (
            "docuchat-1",
            "docuchat-2",
            "kubernetes",
            "zibal",
            "openai",
            "mail",
            "alertmanager",
            "jobs",
        ):
            stack.stop(part)
        with rivals.running() as others:
            figures |= first_loads(tenant, operator, others)
        figures |= {"click_usage": clicks(tenant)}
    _tell(figures)
    return figures


def first_loads(tenant: Visitor, operator: Visitor, others: Sequence[Rival]) -> Figures:
    """First loads of our pages and of the others, in the same rounds: all see the same moments of the machine."""
    overview = f"{operator.web_url}{routes.OVERVIEW}"
    pages: dict[str, Callable[[bool], Load]] = {
        "usage": lambda slow: first_load(tenant, is_throttled=slow),
        "overview": lambda slow: load_page(operator, overview, WATCH_OVERVIEW, is_throttled=slow),
        **{_key(other): partial(_load_of_rival, tenant, other) for other in others},
    }
    for load in pages.values():
        load(False)  # a server's own first time is not the visitor's
    figures: Figures = {}
    for is_slow, suffix in ((False, ""), (True, "_throttled")):
        rounds = [{name: load(is_slow) for name, load in pages.items()} for _ in range(ROUNDS)]
        for name in pages:
            figures[f"first_load_{name}{suffix}"] = _figure([each[name] for each in rounds])
    return figures


def _key(other: Rival) -> str:
    return other.name.split()[0].lower()


def _load_of_rival(visitor: Visitor, other: Rival, is_throttled: bool) -> Load:
    return load_page(visitor, other.url, rivals.WATCH, is_throttled=is_throttled)


def first_load(visitor: Visitor, *, is_throttled: bool = False) -> Load:
    """Open the usage page once with nothing cached and wait until it has answered a click."""
    return load_page(visitor, f"{visitor.web_url}/usage", WATCH, is_throttled=is_throttled)


def load_page(visitor: Visitor, url: str, watch: str, *, is_throttled: bool) -> Load:
    with visitor.fresh_page() as (_, page, session):
        wire = Wire(session)
        if is_throttled:
            session.send("Network.emulateNetworkConditions", SLOW_LINE)
            session.send("Emulation.setCPUThrottlingRate", SLOW_CPU)
        page.add_init_script(watch)
        page.goto(url, wait_until="commit")
        answered(page)
        page.evaluate("document.fonts.ready.then(() => true)")
        seen = page.evaluate("window.benchSeen")
        return Load(
            painted_s=page.evaluate(PAINTED) / 1000,
            hydrated_s=seen.get("hydrated", 0) / 1000,
            content_s=seen["content"] / 1000,
            answered_s=seen["answered"] / 1000,
            wire_bytes=dict(wire.by_kind),
        )


def answered(page: Page) -> None:
    # A mark in the page, because its content security policy allows no evaluated condition.
    page.locator("html[data-bench-answered]").wait_for(state="attached")


def clicks(visitor: Visitor) -> dict[str, Any]:
    """From a click on the pager to the changed table, on a page that is at rest."""
    with visitor.fresh_page() as (_, page, _session):
        page.add_init_script(WATCH)
        page.goto(f"{visitor.web_url}/usage", wait_until="load")
        answered(page)
        times: list[float] = page.evaluate(CLICK_ON, {"clicks": CLICKS, "pauseMs": BETWEEN_CLICKS_MS})
    return {
        "p50_ms": round(statistics.median(times), 2),
        "p95_ms": round(statistics.quantiles(times, n=20)[18], 2),
        "clicks": len(times),
    }


def scripts(tenant: Visitor, operator: Visitor) -> dict[str, Any]:
    """Kilobytes of script, gzip, that the first load of each page takes, beside what it may take."""
    nobody = Visitor(chromium=tenant.chromium, web_url=tenant.web_url, token="")
    measured: dict[str, Any] = {}
    for page in registered():
        if page.route == routes.HOME:
            continue  # it only leads on
        visitor = tenant if Role.TENANT_ADMIN in page.roles else operator if page.roles else nobody
        budget = BUDGET_CHART_KB if page.route == routes.USAGE else BUDGET_KB
        size = _gzip_kb(_scripts_of(visitor, page))
        measured[page.route] = {"gzip_kb": size, "budget_kb": budget, "is_within": size <= budget}
    return measured


def _scripts_of(visitor: Visitor, wanted: PortalPage) -> list[str]:
    path = _first_link(visitor, wanted) if wanted.has_places else wanted.route
    with visitor.fresh_page() as (_, page, session):
        wire = Wire(session)
        page.goto(f"{visitor.web_url}{path}", wait_until="load")
        page.locator("[data-hydrated]").first.wait_for(state="attached")
        assert urlsplit(page.url).path == path, f"{path} led to {page.url}"
        return wire.scripts


def _first_link(visitor: Visitor, wanted: PortalPage) -> str:
    """The address of a page whose address differs: the first that its list, or a page of that list, leads to."""
    above = wanted.route.partition("/[")[0]
    links = _links_below(visitor, above, above)
    if not any(wanted.is_at(link) for link in links):
        links = _links_below(visitor, links[0], above)
    return next(link for link in links if wanted.is_at(link))


def _links_below(visitor: Visitor, path: str, above: str) -> list[str]:
    with visitor.fresh_page() as (_, page, _session):
        page.goto(f"{visitor.web_url}{path}", wait_until="load")
        found = page.locator(f"main a[href^='{above}/']")
        found.first.wait_for(state="attached")
        return [urlsplit(link).path for link in found.evaluate_all("each => each.map(one => one.pathname)")]


def _gzip_kb(urls: Sequence[str]) -> float:
    return round(sum(len(gzip.compress(httpx.get(url).content, mtime=0)) for url in urls) / 1000, 1)


def _figure(loads: Sequence[Load]) -> dict[str, Any]:
    def median(values: Iterator[float]) -> float:
        return statistics.median(values)

    def kilobytes(*kinds: str) -> float:
        return round(median(sum(load.wire_bytes.get(kind, 0) for kind in kinds) for load in loads) / 1000, 1)

    return {
        "kb": round(median(sum(load.wire_bytes.values()) for load in loads) / 1000, 1),
        "script_kb": kilobytes("Script"),
        "css_kb": kilobytes("Stylesheet"),
        "font_kb": kilobytes("Font"),
        "html_kb": kilobytes("Document"),
        "socket_kb": kilobytes("Socket"),
        "painted_s": round(median(load.painted_s for load in loads), 3),
        "hydrated_s": round(median(load.hydrated_s for load in loads), 3),
        "content_s": round(median(load.content_s for load in loads), 3),
        "answered_s": round(median(load.answered_s for load in loads), 3),
        "rounds": len(loads),
    }


def _tell(figures: Figures) -> None:
    local, slow = figures["first_load_usage"], figures["first_load_usage_throttled"]
    pages = [name.removeprefix("first_load_") for name in figures if name.startswith("first_load_")]
    rows = [
        {
            "page": f"this portal's {name}" if name in {"usage", "overview"} else name,
            "KB": figures[f"first_load_{name}"]["kb"],
            "local s": figures[f"first_load_{name}"]["answered_s"],
            "throttled s": figures[f"first_load_{name}_throttled"]["answered_s"],
        }
        for name in pages
        if not name.endswith("_throttled")
    ]
    say("First load of a chart of 30 points and a table of 20 rows, until a click is answered")
    say_table(rows)
    say("Its parts")
    say_table([{"": "local", **local}, {"": "throttled", **slow}])
    click = figures["click_usage"]
    say(f"Click to answer: p50 {click['p50_ms']} ms, p95 {click['p95_ms']} ms ({click['clicks']} clicks)")
    say("Scripts of a first load, gzip")
    say_table([{"page": name, **figure} for name, figure in figures["javascript"].items()])


def token_of(web_url: str, person: SignIn) -> str:
    answer = httpx.post(
        f"{web_url}/auth/login", data={"email": person.email, "password": person.password}, timeout=30
    )
    return answer.cookies["portal"]


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(tools.chromium()), args=CHROMIUM_ARGS)
        try:
            yield browser
        finally:
            browser.close()
