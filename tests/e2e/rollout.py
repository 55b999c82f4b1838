"""A rollout: a web process of the next release, built from a copy of the sources, takes over from the present one."""

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

import httpx

from backend.i18n.catalog import LANGUAGES, text
from backend.sandbox import frontend, tools
from backend.sandbox.neighbours import RedisServer
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import Child, Command, free_port, tail
from backend.sandbox.site import process_environment
from backend.sandbox.stack import Stack
from portal import routes
from tests.integration.twos.balancer import Balancer, balanced
from tests.waiting import until

USE = "e2e"
FEATURE = "portal/features/runbooks"
# What the next release calls the button that makes a plan, beside its present name.
RENAMED, NEWER = "page.action.make_plan", " (2)"
STATE = "    _look_no: int = 0\n"
# What a web process of an image holds of the project.
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "tests", "charts", "docs", "delivery", "jobs")
# Tabs are sent on after a sixth of it.
HOLD_S = 12
START_WITHIN_S = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The address that people know, and the two releases behind it; the next one takes no connection yet."""

    url: str
    balancer: Balancer
    present: Child
    present_port: int
    next_port: int

    def drain(self) -> None:
        """End the present release as a rollout does, and lead every new connection to the next one."""
        self.present.process.send_signal(signal.SIGTERM)
        until(lambda: _readiness(self.present_port) == HTTPStatus.SERVICE_UNAVAILABLE)
        self.balancer.ports = [self.next_port]


@contextmanager
def rollout(stack: Stack, folder: Path) -> Iterator[Rollout]:
    """Both releases, each with its own front end, over the stack's database and one Redis."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    present_port, next_port = free_port(), free_port()
    with ExitStack() as open_ones:
        redis = RedisServer(folder)
        redis.start()
        open_ones.callback(redis.stop)
        settings = {"REDIS_URL": redis.url, "PUBLIC_URL": url, "METRICS_HOLD_S": str(HOLD_S)}
        present = _started(_web(stack, folder / "present.log", present_port, settings), open_ones)
        command = _web(stack, folder / "next.log", next_port, settings)
        _started(_of_copy(command, next_release(folder / "copy")), open_ones)
        balancer = open_ones.enter_context(balanced(port))
        balancer.ports = [present_port]
        for each in (present_port, next_port):
            until(lambda each=each: _readiness(each) == HTTPStatus.OK, within_s=START_WITHIN_S)
        yield Rollout(
            url=url, balancer=balancer, present=present, present_port=present_port, next_port=next_port
        )


def _web(stack: Stack, log_path: Path, port: int, settings: dict[str, str]) -> Command:
    """The production command of a web process of the present release."""
    env = {**process_environment(stack), **settings}
    return frontend.web_command(USE, port=port, log_path=log_path, env=env)


def _of_copy(command: Command, folder: Path) -> Command:
    """The same command over the sources and the front end of a copy."""
    return replace(command, cwd=folder, env={**command.env, **_place_of(folder)})


def _place_of(folder: Path) -> dict[str, str]:
    return {"REFLEX_WEB_WORKDIR": str(folder / f".local/web-{USE}")}


def _started(command: Command, open_ones: ExitStack) -> Child:
    child = Child(command)
    open_ones.callback(child.stop)
    return child


def next_release(folder: Path) -> Path:
    """A copy of the project in which words and a state differ, with its front end, built as production builds it.

    The packages of the front end are those of the present build, which saves their download.
    """
    shutil.copytree(REPOSITORY, folder, ignore=LEFT_OUT)
    for lang in LANGUAGES:
        _edit(
            folder / f"{FEATURE}/{lang}.toml", f'"{text(RENAMED, lang)}"', f'"{text(RENAMED, lang)}{NEWER}"'
        )
    _edit(folder / f"{FEATURE}/form_state.py", STATE, f'{STATE}    of_the_next_release: str = ""\n')
    web = Path(_place_of(folder)["REFLEX_WEB_WORKDIR"])
    present = tools.LOCAL / f"web-{USE}"
    shutil.copytree(present, web, ignore=shutil.ignore_patterns("node_modules", "build", "backend"))
    (web / "node_modules").symlink_to(present / "node_modules")
    export = Command(
        name="export",
        argv=[sys.executable, "-m", "reflex", "export", "--no-zip"],
        cwd=folder,
        env={**frontend.build_environment(USE), **_place_of(folder)},
        log_path=folder / "export.log",
    )
    assert Child(export).finish() == 0, tail(export.log_path, 25)
    return folder


def _edit(path: Path, before: str, after: str) -> None:
    source = path.read_text()
    assert source.count(before) == 1, f"{path} holds {before!r} {source.count(before)} times"
    path.write_text(source.replace(before, after))


def _readiness(port: int) -> int:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{routes.READY}", timeout=10).status_code
    except httpx.TransportError:
        return 0
