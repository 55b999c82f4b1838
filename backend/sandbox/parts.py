"""The parts of a stack: their start, and their check for readiness."""

import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import httpx

from backend.sandbox import frontend, history, run_jobs, tools
from backend.sandbox.alertmanager import AlertmanagerServer
from backend.sandbox.kubernetes.workloads import OPENAI_KEY
from backend.sandbox.monitoring_files import alertmanager_files, prometheus_files
from backend.sandbox.postgres import REPOSITORY, PostgresServer
from backend.sandbox.processes import Child, Command, SandboxError, accepts, port_is_free, wait_until
from backend.sandbox.prometheus import PrometheusServer
from backend.sandbox.site import Site, process_environment

START_ORDER: Sequence[tuple[str, Sequence[str]]] = (
    ("Prometheus and Alertmanager", ("prometheus", "alertmanager")),
    ("mail, model provider, gateway, cluster", ("mail", "openai", "zibal", "kubernetes")),
    ("DocuChat, two processes", history.INSTANCES),
    ("jobs", ("jobs",)),
    ("web", ("web",)),
)
# The keys of DocuChat's traffic, of the portal, and of the cluster's Secret.
_OPENAI_KEYS = ("sandbox", "sk-sandbox", OPENAI_KEY)


class Part(Protocol):
    """A part that can be started and stopped repeatedly, on the same port and data."""

    @property
    def child(self) -> Child | None:
        """The running process, if it was started."""

    def start(self) -> None:
        """Start and wait until it answers."""

    def stop(self) -> None:
        """End it; twice is harmless."""


class ProcessPart:
    """A part that is one of our own processes, made anew from its command at each start."""

    def __init__(
        self, command: Callable[[], Command], *, port: int | None, ready: Callable[[], bool]
    ) -> None:
        """Name the process and the port that has to be free for it; nothing starts yet."""
        self._command = command
        self._port = port
        self._ready = ready
        self._child: Child | None = None

    @property
    def child(self) -> Child | None:
        """The running process, if it was started."""
        return self._child

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        command = self._command()
        if self._port is not None and not port_is_free(self._port):
            # Otherwise somebody else's answer would be taken for ours.
            raise SandboxError(
                f"Another program has taken port {self._port} of {command.name} meanwhile. Start again for other ports."
            )
        self._child = Child(command)
        wait_until(self._ready, child=self._child)

    def stop(self) -> None:
        """End the process. Stopping twice is harmless."""
        if self._child is not None:
            self._child.stop()
            self._child = None


def make_part(site: Site, name: str) -> Part:
    """A part of the stack by its name; nothing starts yet."""
    match name:
        case "postgres":
            return PostgresServer(site.postgres_dir, site.ports[name])
        case "prometheus":
            return _prometheus(site)
        case "alertmanager":
            return AlertmanagerServer(
                tools.monitoring().alertmanager,
                site.state_dir / name,
                site.ports[name],
                files=alertmanager_files(site),
            )
        case "web":
            return ProcessPart(
                lambda: _web_command(site),
                port=site.ports["web"],
                ready=lambda: web_answers(f"{site.web_url}/ping"),
            )
        case "jobs":
            return ProcessPart(lambda: _jobs_command(site), port=None, ready=lambda: True)
        case _:
            port = site.ports.get(name)
            return ProcessPart(
                lambda: module_command(site, name, *_module(site, name)),
                port=port,
                ready=lambda: port is None or accepts(port),
            )


def module_command(site: Site, name: str, module: str, arguments: Sequence[str] = ()) -> Command:
    """`python -m module` from the repository's root, in the stack's environment."""
    return Command(
        name=name,
        argv=[sys.executable, "-m", module, *arguments],
        log_path=site.log_path(name),
        env=process_environment(site),
        cwd=REPOSITORY,
        # A DocuChat process that is asked politely stays to be scraped twice more; at the end nobody scrapes it.
        stop_signal=signal.SIGINT if name in history.INSTANCES else signal.SIGTERM,
    )


def web_answers(url: str) -> bool:
    """Whether a GET succeeds."""
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def _jobs_command(site: Site) -> Command:
    run_jobs.write_template(site)
    command = module_command(site, "jobs", "jobs")
    return replace(command, env=run_jobs.launcher_environment(site))


def _module(site: Site, name: str) -> tuple[str, list[str]]:
    port = ["--port", str(site.ports[name])]
    match name:
        case "mail":
            folder: Path = site.state_dir / "mail"
            return "backend.sandbox.mail", [
                *port,
                "--smtp-port",
                str(site.ports["smtp"]),
                "--folder",
                str(folder),
            ]
        case "zibal":
            return "backend.sandbox.zibal", [*port, "--state", str(site.state_dir / "zibal.json")]
        case "kubernetes":
            images = run_jobs.write_images(site)
            return "backend.sandbox.kubernetes", [
                *port,
                "--kubeconfig",
                str(site.kubeconfig),
                "--images",
                str(images),
            ]
        case "openai":
            return "backend.sandbox.openai", [*port, *(f"--valid-key={key}" for key in _OPENAI_KEYS)]
        case _:
            return "backend.sandbox.docuchat", [*port, *_docuchat(site, name)]


def _docuchat(site: Site, instance: str) -> list[str]:
    return [
        f"--openai-url={site.openai_url}/v1",
        f"--share={1 / len(history.INSTANCES)}",
        f"--seed={history.INSTANCES.index(instance) + 1}",
        f"--scrape-interval-s={site.scrape_interval_s}",
        f"--history-start={site.since}",
    ]


def _web_command(site: Site) -> Command:
    env = process_environment(site)
    return frontend.web_command(
        site.front_end, port=site.ports["web"], log_path=site.log_path("web"), env=env
    )


def _prometheus(site: Site) -> PrometheusServer:
    return PrometheusServer(
        tools.monitoring().prometheus,
        site.state_dir / "prometheus",
        site.ports["prometheus"],
        files=prometheus_files(site),
    )
