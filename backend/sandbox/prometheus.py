"""A real Prometheus on a loopback port that scrapes the laptop's processes and keeps months of history."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from backend.sandbox.configuration import write_configuration
from backend.sandbox.processes import Child, Command, SandboxError, free_port, wait_until

RETENTION = "90d"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeTarget:
    """A scraped process. `instance` names its series, whatever port it listens on today."""

    job: str
    instance: str
    address: str


def scraping(targets: Sequence[ScrapeTarget], *, interval_s: int = 15) -> dict[str, str]:
    """The configuration that scrapes some processes, without rules."""
    every = f"{interval_s}s"
    config = {
        "global": {"scrape_interval": every, "scrape_timeout": every},
        "scrape_configs": [_scrape_config(target) for target in targets],
    }
    # JSON is YAML, and quoting is then somebody else's work.
    return {"prometheus.yml": json.dumps(config, indent=1)}


def _scrape_config(target: ScrapeTarget) -> dict[str, object]:
    labels = {"job": target.job, "instance": target.instance}
    return {
        "job_name": f"{target.job}/{target.instance}",
        "static_configs": [{"targets": [target.address], "labels": labels}],
    }


class PrometheusServer:
    """A Prometheus in a folder, on the same port for as long as it is started."""

    def __init__(
        self,
        program: Path,
        home: Path,
        port: int | None = None,
        *,
        files: Mapping[str, str] | None = None,
    ) -> None:
        """Name the server and the files of its configuration by their names; nothing starts yet."""
        self.home = home
        self.port = port or free_port()
        self.files: Mapping[str, str] = files or scraping([])
        self._program = program
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Address of its web interface and API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data_dir(self) -> Path:
        """The folder of its blocks and write-ahead log."""
        return self.home / "data"

    @property
    def child(self) -> Child | None:
        """The running process, if it was started."""
        return self._child

    def start(self) -> None:
        """Write the configuration, start the server and wait until it answers queries."""
        self.home.mkdir(parents=True, exist_ok=True)
        write_configuration(self.home, self.files)
        self._launch()

    def stop(self) -> None:
        """End the server. Stopping twice is harmless."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def reload(self) -> None:
        """Take over changed targets and rules without a restart."""
        write_configuration(self.home, self.files)
        httpx.post(f"{self.url}/-/reload", timeout=10).raise_for_status()

    def is_ready(self) -> bool:
        """Whether queries are answered."""
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an instant query now: a list of `{"metric": ..., "value": [time, text]}`."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=30)
        answer.raise_for_status()
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def fold_log_into_blocks(self) -> None:
        """Turn the write-ahead log of a stopped server into blocks.

        Blocks that are added later would otherwise hide the samples of the log before their end.
        """
        if not (self.data_dir / "wal").is_dir():
            return
        files, self.files = self.files, scraping([])
        try:
            self.start()
            answer = httpx.post(f"{self.url}/api/v1/admin/tsdb/snapshot", timeout=120)
        finally:
            self.stop()
            self.files = files
        if not answer.is_success:
            raise SandboxError(f"Prometheus refused a snapshot: {answer.text[:300]}")
        self._swap_in(self.data_dir / "snapshots" / answer.json()["data"]["name"])

    def _swap_in(self, snapshot: Path) -> None:
        fresh, old = self.home / "data.fresh", self.home / "data.old"
        shutil.rmtree(fresh, ignore_errors=True)
        snapshot.rename(fresh)
        self.data_dir.rename(old)
        fresh.rename(self.data_dir)
        shutil.rmtree(old)

    def _launch(self) -> None:
        argv = [
            str(self._program),
            f"--config.file={self.home / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.data_dir}",
            f"--storage.tsdb.retention.time={RETENTION}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            # An alert that Alertmanager missed while it started, or forgot at its end, is there again after this.
            "--rules.alert.resend-delay=10s",
            "--web.enable-lifecycle",
            "--web.enable-admin-api",
            "--log.level=warn",
        ]
        self._child = Child(Command(name="prometheus", argv=argv, log_path=self.home / "prometheus.log"))
        wait_until(self.is_ready, child=self._child, timeout_s=60)
