"""The page of alerts in a real browser while a storm rages: opened cold, opened by a click, and when it changes."""

import statistics
import tempfile
from collections.abc import Iterable
from pathlib import Path

from backend.actor import Role
from backend.config import settings
from backend.sandbox import frontend
from portal import routes
from tests import factories
from tests.bench.figures import Figures
from tests.bench.pages import Visitor, answered, chromium, load_page
from tests.integration.portal.processes import web_processes
from tests.waiting import until

FROM = routes.DEPLOYMENTS
# A page of groups, each with its alerts.
SHOWN = "document.querySelectorAll('.alert-group').length >= GROUPS"
WATCH = """
(() => {
  const seen = window.benchSeen = {};
  const look = () => {
    const now = performance.now();
    if (!seen.hydrated && document.querySelector('[data-hydrated]')) { seen.hydrated = now; }
    if (seen.hydrated && SHOWN) {
      seen.content = seen.answered = now;
      document.documentElement.dataset.benchAnswered = '1';
      return;
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
# From a click to the frame that shows all groups of the page.
CLICK = """
(path) => new Promise((resolve) => {
  const began = performance.now();
  const look = () => SHOWN ? resolve(performance.now() - began) : requestAnimationFrame(look);
  document.querySelector(`nav a[href='${path}']`).click();
  requestAnimationFrame(look);
})
"""


def in_browser(rounds: int, groups: int) -> Figures:
    """Milliseconds until the page's groups are visible, in Chromium, with the storm in the settings' database."""
    frontend.build("e2e")
    operator = factories.signed_in(factories.user(Role.OPERATOR))
    shown = SHOWN.replace("GROUPS", str(groups))
    with (
        tempfile.TemporaryDirectory(prefix="storm-") as folder,
        web_processes(Path(folder), settings().database_url.get_secret_value(), ("web",)) as [web],
        chromium() as browser,
    ):
        until(web.is_ready)
        visitor = Visitor(chromium=browser, web_url=web.url, token=operator.token)
        watch = WATCH.replace("SHOWN", shown)
        load_page(visitor, f"{web.url}{routes.ALERTS}", watch, is_throttled=False)  # nobody's figure
        cold = [
            load_page(visitor, f"{web.url}{routes.ALERTS}", watch, is_throttled=False) for _ in range(rounds)
        ]
        clicked = [_clicked(visitor, web.url, CLICK.replace("SHOWN", shown)) for _ in range(rounds)]
        warm = _warm(visitor, web.url, watch, rounds)
    return {
        "alerts_storm_browser": {
            "groups_shown": groups,
            "cold_load_ms": _median(each.content_s * 1000 for each in cold),
            "of_which_until_hydrated_ms": _median(each.hydrated_s * 1000 for each in cold),
            "warm_load_ms": warm,
            "click_ms": _median(clicked),
            "slowest_click_ms": round(max(clicked), 1),
            "socket_kb": _median(each.wire_bytes.get("Socket", 0) / 1024 for each in cold),
        }
    }


def _clicked(visitor: Visitor, url: str, script: str) -> float:
    """The first click of a tab that is at another page."""
    with visitor.fresh_page() as (_, page, _session):
        page.goto(f"{url}{FROM}", wait_until="networkidle")
        page.locator("[data-hydrated]").first.wait_for(state="attached")
        took: float = page.evaluate(script, routes.ALERTS)
    return took


def _warm(visitor: Visitor, url: str, watch: str, rounds: int) -> float:
    """The page as somebody loads it again who was there before."""
    with visitor.fresh_page() as (_, page, _session):
        page.add_init_script(watch)
        times = []
        for _ in range(rounds + 1):
            page.goto(f"{url}{routes.ALERTS}", wait_until="commit")
            answered(page)
            times.append(page.evaluate("window.benchSeen.content"))
    return _median(times[1:])


def _median(values: Iterable[float]) -> float:
    return round(statistics.median(values), 1)
