"""The same page made with NiceGUI and with Streamlit: a chart of 30 points, a table of 20 rows, a button for more.

They are installed into a folder of their own under ``.local`` and are no part of the product.
"""

import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from backend.sandbox.processes import Child, Command, free_port, wait_until
from backend.sandbox.tools import LOCAL

HOME = LOCAL / "bench" / "rivals"
PACKAGES = ("nicegui==3.18.0", "streamlit==1.67.0")
PAGES = Path(__file__).parent

# Both show what they show in an element of this class; "older" is pressed as soon as there is something to be older
# than, and again after a while, because a click that comes before the page's socket may be lost.
WATCH = """
(() => {
  const seen = window.benchSeen = {};
  const button = () => [...document.querySelectorAll('button')].find((b) => /older/i.test(b.textContent));
  const look = () => {
    const now = performance.now();
    if (!seen.content && document.querySelectorAll('tbody tr').length >= 20
        && document.querySelector('canvas, svg.marks, .echarts svg')) { seen.content = now; }
    if (!seen.answered && document.querySelector('.shown')?.textContent.trim() === '21-30') {
      seen.answered = now;
      document.documentElement.dataset.benchAnswered = 'yes';
    }
  };
  let pressed = -1000;
  const press = setInterval(() => {
    if (seen.answered) { clearInterval(press); return; }
    if (seen.content && button() && performance.now() - pressed > 700) {
      pressed = performance.now();
      button().click();
    }
  }, 5);
  new MutationObserver(look).observe(document, {
    subtree: true, childList: true, attributes: true, characterData: true,
  });
})();
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A page that runs."""

    name: str
    url: str


@contextmanager
def running() -> Iterator[list[Rival]]:
    """Both pages on ports of their own; none where their packages cannot be had."""
    if not _install():
        yield []
        return
    with ExitStack() as ends:
        found = []
        for name, argv in (
            ("NiceGUI 3.18", [_binary("python"), str(PAGES / "nicegui_page.py"), "PORT"]),
            (
                "Streamlit 1.67",
                [
                    *(_binary("streamlit"), "run", str(PAGES / "streamlit_page.py"), "--server.port", "PORT"),
                    *("--server.headless", "true", "--server.address", "127.0.0.1"),
                    *("--browser.gatherUsageStats", "false", "--server.fileWatcherType", "none"),
                ],
            ),
        ):
            port = free_port()
            command = Command(
                name=name.split()[0].lower(),
                argv=[str(port) if each == "PORT" else each for each in argv],
                log_path=LOCAL / "logs" / f"bench-{name.split()[0].lower()}.log",
            )
            child = Child(command)
            ends.callback(child.stop)
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda url=url: _answers(url), child=child)
            found.append(Rival(name=name, url=url))
        yield found


def _binary(name: str) -> str:
    return str(HOME / "bin" / name)


def _install() -> bool:
    ready = HOME / "installed"
    if ready.exists() and ready.read_text().split() == list(PACKAGES):
        return True
    venv.create(HOME, with_pip=True, clear=True)
    pip = [_binary("python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES]
    if subprocess.run(pip, check=False, stderr=sys.stderr, stdout=sys.stderr).returncode:
        return False
    ready.write_text("\n".join(PACKAGES))
    return True


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
