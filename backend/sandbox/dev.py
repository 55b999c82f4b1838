"""`make dev`: the demo whose web process and front end follow the code, and whose open tabs show the new page.

The front end is built in one folder and served from a copy, so the old version is whole until the new one is ready.
"""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from watchfiles import watch

from backend.sandbox import frontend, history, tools
from backend.sandbox.changes import Work, last_mistake, mistake_in, work_for
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import SandboxError
from backend.sandbox.site import process_environment
from backend.sandbox.stack import Stack
from backend.sandbox.up import Watch

BUILD = "dev"
SERVED = "dev-served"
WATCHED = ("assets", "backend", "jobs", "portal", "rxconfig.py")
MODULES = {"jobs": "jobs.__main__", "web": "portal.portal"}
NAMED = 3
VERSION_FILE = "dev-version.txt"
TAB_SCRIPT = Path(__file__).parent / "dev_tab.js"


class DevStack(Stack):
    """The demo's stack with a front end of its own, which can be replaced while it runs."""

    @property
    def front_end(self) -> str:
        """The copy that is served."""
        return SERVED

    @property
    def client(self) -> Path:
        """The folder of the files that browsers get."""
        return tools.LOCAL / f"web-{SERVED}" / "build" / "client"

    def announce(self) -> None:
        """Make the open tabs load their page again, as soon as the web process answers."""
        (self.client / VERSION_FILE).write_text(str(time.time_ns()))

    def _build(self, _progress: history.Progress) -> None:
        frontend.build(BUILD)
        publish()
        self.announce()


def publish() -> None:
    """Serve the newest build, in pages that reload by themselves when there is a newer version."""
    built, served, draft = (tools.LOCAL / f"web-{name}" for name in (BUILD, SERVED, f"{SERVED}-draft"))
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(built, draft, ignore=shutil.ignore_patterns("node_modules"))
    client = draft / "build" / "client"
    with (client / "portal.js").open("a") as script:
        script.write(TAB_SCRIPT.read_text())
    for compressed in client.glob("portal.js.*"):
        compressed.unlink()
    shutil.rmtree(served, ignore_errors=True)
    draft.rename(served)


@dataclass(slots=True, kw_only=True)
class DevWatch(Watch):
    """The demo's watch, which also looks for saved files. Files stay in `waiting` until their version runs."""

    stack: DevStack
    root: Path = REPOSITORY
    saved: SimpleQueue[str] = field(default_factory=SimpleQueue)
    waiting: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Listen to the file system from now on."""
        listening = threading.Event()
        threading.Thread(target=self._listen, args=[listening], daemon=True).start()
        listening.wait()

    def look(self) -> None:
        """Start crashed parts again, and show what was saved since the last look."""
        Watch.look(self)
        newly = set(_taken(self.saved))
        if newly and self._show(newly):
            self.waiting.clear()

    def _show(self, newly: set[str]) -> bool:
        begun = time.monotonic()
        self.waiting |= newly
        work = work_for(self.waiting)
        if not work.restart:
            return True
        more = f" and {len(newly) - NAMED} more" if len(newly) > NAMED else ""
        doing = "front end is built" if work.build else "new start"
        print(f"· {', '.join(sorted(newly)[:NAMED])}{more}: {doing}", flush=True)
        mistake = self._mistake(work)
        if mistake is None:
            mistake = self._replace(work)
        if mistake is not None:
            print(f"✗ {mistake}", flush=True)
            return False
        print(
            f"✓ {' and '.join(work.restart)} run the new version after {time.monotonic() - begun:.1f} s",
            flush=True,
        )
        return True

    def _mistake(self, work: Work) -> str | None:
        """The fault of the new version, found before any running process is touched; None when there is none."""
        for path in sorted(self.waiting):
            if mistake := mistake_in(self.root, path):
                return f"{mistake}. The old version goes on."
        tried = subprocess.run(
            [sys.executable, "-c", "import " + ", ".join(MODULES[name] for name in work.restart)],
            cwd=self.root,
            env={
                **process_environment(self.stack),
                **frontend.environment(SERVED),
                "__REFLEX_SKIP_COMPILE": "true",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if tried.returncode != 0:
            return f"{last_mistake(self.root, tried.stderr)}. The old version goes on."
        if work.build:
            try:
                frontend.build(BUILD)
            except SandboxError as error:
                return f"{last_mistake(self.root, str(error))}. The old version goes on.\n{error}"
        return None

    def _replace(self, work: Work) -> str | None:
        for name in work.restart:
            self.stack.stop(name)
        if work.build:
            publish()
        self.stack.announce()
        try:
            for name in work.restart:
                self.stack.start(name)
                self.attempts.pop(name, None)
        except SandboxError as error:
            # It waits for the next saved file instead of being started again as it is.
            self.stack.stop(name)
            return str(error)
        return None

    def _listen(self, listening: threading.Event) -> None:
        folders = [self.root / name for name in WATCHED]
        for changes in watch(*folders, debounce=400, rust_timeout=200, yield_on_timeout=True):
            listening.set()
            for _, path in changes:
                self.saved.put(Path(path).relative_to(self.root).as_posix())


def _taken(queue: "SimpleQueue[str]") -> Iterable[str]:
    try:
        while True:
            yield queue.get_nowait()
    except Empty:
        return
