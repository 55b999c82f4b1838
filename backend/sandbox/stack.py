"""The whole product on one machine: every part started in order, and ended in reverse.

with Stack(state_dir, history_days=3, use="e2e") as stack:
    ... stack.web_url ...; stack.stop("prometheus"); stack.start("prometheus")
"""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from backend.clock import billing_day, utc_now
from backend.db.migrate import upgrade
from backend.sandbox import frontend, history, manual, tools
from backend.sandbox.companies import HISTORY_DAYS
from backend.sandbox.leftovers import end_leftovers, remember
from backend.sandbox.monitoring_files import without_alerts
from backend.sandbox.parts import START_ORDER, Part, make_part, module_command
from backend.sandbox.postgres import PostgresServer
from backend.sandbox.processes import Child, SandboxError
from backend.sandbox.prometheus import PrometheusServer
from backend.sandbox.signins import sign_ins
from backend.sandbox.site import DATABASE, Site, environment


@dataclass(frozen=True, slots=True, kw_only=True)
class StartStep:
    """A step of the start: its name, and its work. Long work tells its progress, from 0 to 1."""

    title: str
    work: Callable[[history.Progress], None]


class Stack(Site):
    """Everything the product needs, running. As a context manager it starts whole and ends without a trace."""

    def __init__(
        self,
        state_dir: Path | None = None,
        *,
        history_days: int = HISTORY_DAYS,
        use: str = "demo",
        scrape_interval_s: int = 5,
    ) -> None:
        """Name the stack; nothing starts yet."""
        super().__init__(state_dir, history_days=history_days, use=use, scrape_interval_s=scrape_interval_s)
        self.parts: dict[str, Part] = {}
        self._lock: TextIO | None = None

    @property
    def postgres(self) -> PostgresServer:
        """The PostgreSQL server of this stack."""
        server = self._made("postgres")
        assert isinstance(server, PostgresServer)
        return server

    @property
    def prometheus(self) -> PrometheusServer:
        """The Prometheus of this stack."""
        server = self._made("prometheus")
        assert isinstance(server, PrometheusServer)
        return server

    def open(self) -> None:
        """Take the folder for this process alone, and end what a killed predecessor left running."""
        lock = (self.state_dir / ".lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise SandboxError(
                f"It already runs from {self.state_dir}. End the other one first (Ctrl-C)."
            ) from None
        self._lock = lock
        end_leftovers(self.state_dir)
        database = PostgresServer(self.postgres_dir)
        database.stop_leftover()
        if self.is_new:
            # Root's database lies outside the folder and outlives it, with passwords that nobody was told.
            database.remove()
        self.choose_ports()

    def steps(self) -> Iterator[StartStep]:
        """The start, step by step, in the order in which one needs the other."""
        yield StartStep(title="programs", work=self._find_programs)
        yield StartStep(title="front end", work=self._build)
        yield StartStep(title="PostgreSQL", work=partial(self._start_all, ["postgres"]))
        yield StartStep(title="migrations", work=self._migrate)
        if self.history_days:
            yield StartStep(title=f"{self.history_days} days of history", work=self._backfill)
        # What is not started yet is no outage.
        files, self.prometheus.files = self.prometheus.files, without_alerts(self.prometheus.files)
        for title, names in START_ORDER:
            yield StartStep(title=title, work=partial(self._start_all, names))
            if "prometheus" in names and self.history_days:
                yield StartStep(title="companies, people, invoices", work=self._seed)
        yield StartStep(title="alerts", work=partial(self._watch, files))

    def start(self, name: str) -> None:
        """Start one part and wait until it answers. A running part is left alone."""
        part = self._made(name)
        if part.child is not None and part.child.is_running():
            return
        part.start()
        # PostgreSQL's own processes are not in its group; it is ended by its data directory instead.
        if part.child is not None and name != "postgres":
            remember(self.state_dir, name, part.child.pid)

    def stop(self, name: str) -> None:
        """End one part and everything that it started."""
        self._made(name).stop()

    def close(self) -> None:
        """End every part, the last started first, and give the folder free."""
        for name in reversed(list(self.parts)):
            self.parts[name].stop()
        if self._lock is not None:
            (self.state_dir / "environment.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def forget(self) -> None:
        """Delete everything that the folder and its database hold. The stack must not be running."""
        self.open()
        self.postgres.remove()
        self.close()
        shutil.rmtree(self.state_dir)

    def publish_environment(self) -> None:
        """Write down how to reach the running stack, for `python -m backend.sandbox exec`."""
        path = self.state_dir / "environment.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(environment(self), indent=1))

    def run_module(self, module: str, *arguments: str) -> None:
        """Run one of our modules to its end in the stack's environment."""
        child = Child(module_command(self, module, module, arguments))
        if child.finish() != 0:
            raise SandboxError(f"`python -m {module}` failed:\n{child.log_tail(25)}")

    def __enter__(self) -> Self:
        """Start everything; when a step fails, stop the parts that run."""
        self.open()
        try:
            for step in self.steps():
                step.work(lambda _: None)
            self.publish_environment()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self.close()

    def _made(self, name: str) -> Part:
        if name not in self.parts:
            self.parts[name] = make_part(self, name)
        return self.parts[name]

    def _start_all(self, names: Sequence[str], _progress: history.Progress) -> None:
        with ThreadPoolExecutor(max_workers=len(names)) as pool:
            list(pool.map(self.start, names))

    def _watch(self, files: Mapping[str, str], _progress: history.Progress) -> None:
        self.prometheus.files = files
        self.prometheus.reload()

    def _find_programs(self, _progress: history.Progress) -> None:
        tools.monitoring()
        tools.bun()

    def _build(self, _progress: history.Progress) -> None:
        frontend.build(self.use)
        manual.build()

    def _migrate(self, _progress: history.Progress) -> None:
        if not self.postgres.has_database(DATABASE):
            self.postgres.create_database(DATABASE)
        upgrade(self.database_url)

    def _backfill(self, progress: history.Progress) -> None:
        self.prometheus.fold_log_into_blocks()
        promtool, data_dir = tools.monitoring().promtool, self.prometheus.data_dir
        history.backfill(
            promtool=promtool, data_dir=data_dir, since=self.since, now=utc_now(), progress=progress
        )

    def _seed(self, _progress: history.Progress) -> None:
        # Once a day is enough: all that a later start adds is the days that have ended since.
        marker, today = self.state_dir / "seeded-on", billing_day(utc_now()).isoformat()
        # Newer code may know one more account than the start this morning.
        done = " ".join([today, *(person.email for person in sign_ins(self))])
        if marker.exists() and marker.read_text() == done:
            return
        since = self.since.isoformat()
        self.run_module("backend.sandbox.seed", "--state", str(self.state_dir), "--since", since)
        marker.write_text(done)
