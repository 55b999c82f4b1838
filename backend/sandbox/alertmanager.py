"""A real Alertmanager on a loopback port."""

import json
from collections.abc import Mapping
from pathlib import Path

import httpx

from backend.sandbox.configuration import write_configuration
from backend.sandbox.processes import Child, Command, free_port, wait_until

_KEEPING = {
    "route": {"receiver": "nobody", "group_by": ["alertname"], "group_wait": "1s", "group_interval": "5s"},
    "receivers": [{"name": "nobody"}],
}


class AlertmanagerServer:
    """An Alertmanager in a folder, on the same port for as long as it is started."""

    def __init__(
        self, program: Path, home: Path, port: int | None = None, *, files: Mapping[str, str] | None = None
    ) -> None:
        """Name the server and the files of its configuration; without any it only keeps alerts."""
        self.home = home
        self.port = port or free_port()
        self.files = files or {"alertmanager.yml": json.dumps(_KEEPING)}
        self._program = program
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Address of its API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def child(self) -> Child | None:
        """The running process, if it was started."""
        return self._child

    def start(self) -> None:
        """Write the configuration, start the server and wait until it answers."""
        write_configuration(self.home, self.files)
        argv = [
            str(self._program),
            f"--config.file={self.home / 'alertmanager.yml'}",
            f"--storage.path={self.home / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]
        command = Command(
            name="alertmanager",
            argv=argv,
            log_path=self.home / "alertmanager.log",
            # The templates of a merely unpacked package are found from here.
            cwd=self._program.parent.parent,
        )
        self._child = Child(command)
        wait_until(self.is_ready, child=self._child)

    def stop(self) -> None:
        """End the server. Stopping twice is harmless."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def is_ready(self) -> bool:
        """Whether requests are answered."""
        try:
            return httpx.get(f"{self.url}/-/ready", timeout=2).is_success
        except httpx.HTTPError:
            return False
