"""A real Alertmanager on a loopback port."""

import json
from pathlib import Path

import httpx

from backend.sandbox.processes import Child, Command, free_port, wait_until


class AlertmanagerServer:
    """An Alertmanager in a folder, on the same port for as long as it is started."""

    def __init__(self, program: Path, home: Path, port: int | None = None, *, webhook_url: str = "") -> None:
        """Name the server; nothing starts yet. Without a webhook alerts are only kept and shown."""
        self.home = home
        self.port = port or free_port()
        self.webhook_url = webhook_url
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
        self.home.mkdir(parents=True, exist_ok=True)
        webhooks = [{"url": self.webhook_url, "send_resolved": True}] if self.webhook_url else []
        config = {
            "route": {
                "receiver": "portal",
                "group_by": ["alertname"],
                "group_wait": "1s",
                "group_interval": "5s",
            },
            "receivers": [{"name": "portal", "webhook_configs": webhooks}],
        }
        (self.home / "alertmanager.yml").write_text(json.dumps(config, indent=1))
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
