"""Web processes of one installation: each on a port of its own, with one database and one Redis between them."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path

import httpx

from backend.sandbox import frontend
from backend.sandbox.processes import Child, accepts, free_port, wait_until
from backend.sandbox.site import own_environment
from portal import routes
from portal.guard import HYDRATE
from tests.integration.portal.socket import LOADED, RawSocket


class WebProcess:
    """The production command on a port."""

    def __init__(
        self, folder: Path, database: str, name: str = "web", *, workers: int = 1, **settings: str
    ) -> None:
        """Start it; it may not be ready yet."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log_path = folder / f"{name}.log"
        environment = {
            **own_environment(),
            "DATABASE_URL": database,
            "PUBLIC_URL": self.url,
            "ZIBAL_URL": os.environ.get("ZIBAL_URL", f"http://127.0.0.1:{free_port()}"),
            "PROMETHEUS_URL": f"http://127.0.0.1:{free_port()}",
            **settings,
        }
        command = frontend.web_command(
            "e2e", port=self.port, log_path=self._log_path, env=environment, workers=workers
        )
        self.child = Child(command)

    @property
    def log(self) -> str:
        """All that the process has written so far."""
        return self._log_path.read_text(errors="replace")

    def wait(self) -> None:
        """Until it takes connections, ready or not."""
        wait_until(lambda: accepts(self.port), child=self.child, timeout_s=90)

    def workers(self) -> set[int]:
        """The processes that it has started to serve."""
        asked = ["pgrep", "-P", str(self.child.pid), "-f", "spawn_main"]
        return {
            int(line)
            for line in subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
        }

    def readiness(self) -> tuple[int, str]:
        """What it says of itself: the status, and what it waits for."""
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=10)
        except httpx.TransportError:
            return 0, ""
        return answer.status_code, answer.json().get("for", "")

    def is_ready(self) -> bool:
        """Whether it serves."""
        return self.readiness() == (HTTPStatus.OK, "")

    def client(self, cookie: str = "") -> httpx.Client:
        """A browser that follows no redirect by itself."""
        headers = {"cookie": cookie} if cookie else {}
        return httpx.Client(base_url=self.url, headers=headers, follow_redirects=False, timeout=20)

    def post(self, path: str, cookie: str, form: dict[str, str] | None = None) -> None:
        """Post what the form of a page posts; it is not refused."""
        with self.client(cookie) as browser:
            answer = browser.post(path, data=form, headers={"origin": self.url})
        assert "error" not in answer.headers["location"], answer.headers

    def lets_in(self, token: str) -> bool:
        """Whether a session is still good for its own page."""
        with self.client(f"portal={token}") as browser:
            return browser.get(routes.ACCOUNT).status_code == HTTPStatus.OK

    def loads(self, path: str, cookie: str) -> bool:
        """Whether a page that is opened now gets its content."""
        with RawSocket(self.url, cookie=cookie) as tab:
            tab.send(HYDRATE, path=path)
            return tab.tells(LOADED)


@contextmanager
def web_processes(
    folder: Path, database: str, names: Sequence[str], **settings: str
) -> Iterator[list[WebProcess]]:
    """Several of them, ended with the block."""
    with ExitStack() as stack:
        started = []
        for name in names:
            process = WebProcess(folder, database, name, **settings)
            stack.callback(process.child.stop)
            started.append(process)
        for process in started:
            process.wait()
        yield started
