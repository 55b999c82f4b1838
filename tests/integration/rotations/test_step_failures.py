"""Rotations, killed and left by the cluster at each step: see ``tests/integration/runbooks/failures.py``."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import psycopg
import pytest

from backend import config
from backend.actor import Actor
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunSearch, RunStage
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.roles import RUNNER
from backend.sandbox.kubernetes.workloads import OPENAI_KEY
from backend.sandbox.openai import application as provider
from backend.sandbox.openai_keys import ADMIN_KEY, PROJECT, SERVICE_ACCOUNT
from backend.sandbox.processes import free_port
from backend.sandbox.serving import serving
from runbooks import engine
from tests.integration.rotations.world import TLS, World, jwt_keys
from tests.integration.runbooks.failures import (
    Plague,
    Trial,
    actions_of,
    fail_in_every_step,
    survive_every_crash,
    survive_every_kill,
    survive_every_kill_between,
    survive_every_plague,
)
from tests.integration.runbooks.front import Front, Way, front
from tests.integration.runbooks.mortal import Mortals
from tests.waiting import until

GIVEN = {"namespace": "docuchat"}
VALUES = {
    "runbooks.rotation.AGAIN_S": 0.05,
    "runbooks.rotation.WATCH_S": 0.2,
    "runbooks.jwt_rules.SKEW": 0,
    "runbooks.actions.rotate_jwt_secret._LOOK_S": 0.05,
    "runbooks.actions.rotate_database_password.QUIET_S": 0.1,
    "runbooks.actions.rotate_database_password._LOOK_S": 0.05,
    "runbooks.actions.rotate_metrics_token._LOOK_S": 0.05,
    "runbooks.actions.rotate_openai_key._LOOK_S": 0.05,
    "backend.clients.openai_admin.TIMEOUT_S": 0.5,
    "backend.clients.openai_admin.RETRIES": 0,
}
# Every way in which a cluster can be away.
AWAY = ["drop", 500, 503]


@pytest.fixture
def openai_url() -> Iterator[str]:
    """A provider that takes no key but that of the first day."""
    with serving(provider(valid_keys=[OPENAI_KEY]), free_port()) as url:
        yield url


class _Scrapes(BaseHTTPRequestHandler):
    """Prometheus that saw the fresh token, and no other."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        sample = {"metric": {"token": "current"}, "value": [0, "4"]}
        found = {"status": "success", "data": {"resultType": "vector", "result": [sample]}}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def scrapes() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Scrapes)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The provider and Prometheus, each with what may be dead before it, and the administrator's database."""

    openai_url: str
    openai: Front
    prometheus: Front
    admin_url: str


@pytest.fixture
def servers(
    runner: World, admin_url: str, openai_url: str, scrapes: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Servers]:
    """All that a rotation asks, in the settings."""
    del runner
    with front(openai_url) as openai, front(scrapes) as prometheus:
        values = {
            "DOCUCHAT_TOKEN_LIFE_S": "0",
            "DOCUCHAT_DATABASE_ADMIN_URL": admin_url,
            "OPENAI_BASE_URL": f"{openai.url}/v1",
            "OPENAI_KEY_QUIET_S": "1",
            "OPENAI_ADMIN_KEY": ADMIN_KEY,
            "OPENAI_PROJECT_ID": PROJECT,
            "OPENAI_SERVICE_ACCOUNT_ID": SERVICE_ACCOUNT,
            "PROMETHEUS_URL": prometheus.url,
            "PROMETHEUS_TIMEOUT_S": "1",
        }
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        config.settings.cache_clear()
        yield Servers(openai_url=openai_url, openai=openai, prometheus=prometheus, admin_url=admin_url)


def valid_keys(openai_url: str) -> list[str]:
    """The values of the keys that the provider takes."""
    told: dict[str, Any] = httpx.get(f"{openai_url}/sandbox/keys").json()
    return [key["value"] for key in told["keys"] if not key["is_deleted"]]


@pytest.fixture
def trial(
    runner: World, operator: Actor, kubeconfig: Path, servers: Servers, run_processes: Mortals
) -> Callable[[str], Trial]:
    """What it takes to try out a rotation."""

    def key() -> object:
        return len(valid_keys(servers.openai_url)), runner.secret("docuchat-openai")

    def keys() -> object:
        return jwt_keys(runner), runner.secret("docuchat-jwt")["signing-kid"]

    def logins() -> object:
        with psycopg.connect(servers.admin_url) as connection:
            found = connection.execute(
                "SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'docuchat_') AND rolcanlogin"
            )
            return sorted(found), runner.secret("docuchat-database")

    effects: Mapping[str, Callable[[], object]] = {
        "rotate_openai_key": key,
        "rotate_jwt_secret": keys,
        "retire_jwt_keys": keys,
        "rotate_database_password": logins,
        "rotate_metrics_token": lambda: runner.secret("docuchat-metrics"),
    }
    environment = {"KUBECONFIG": str(account_file(kubeconfig, RUNNER)), "KUBERNETES_TIMEOUT_S": "1"}

    def made(action: str) -> Trial:
        if action == "retire_jwt_keys":
            _leave_two_keys(runner)
        work = partial(run_processes.work, environment=environment, values=VALUES)
        return Trial(actor=operator, work=work, effect=effects[action])

    return made


def _leave_two_keys(world: World) -> None:
    """As a rotation for long tokens leaves them: the old key beside the one that signs."""
    keys = json.dumps({**jwt_keys(world), "20260101-old": "an old key that signs no more"})
    world.put_secret("docuchat-jwt", keys=keys, signing_since="2026-01-01T00:00:00+00:00")


@pytest.mark.parametrize("action", actions_of("rotations"))
def test_a_rotation_that_is_killed_in_each_step_goes_on_to_the_same_end(
    action: str, trial: Callable[[str], Trial]
) -> None:
    survive_every_kill(trial(action), action, GIVEN)


@pytest.mark.parametrize("action", ["rotate_openai_key"])
def test_a_rotation_that_is_killed_before_any_note_leaves_one_valid_key(
    action: str, trial: Callable[[str], Trial], servers: Servers, runner: World
) -> None:
    survive_every_kill_between(trial(action), action, GIVEN, steps=("obtain", "write"))

    assert valid_keys(servers.openai_url) == [runner.secret("docuchat-openai")["value"]] != [OPENAI_KEY]


@pytest.mark.parametrize("action", actions_of("rotations"))
def test_what_is_away_in_each_step_of_a_rotation_is_waited_for(
    action: str, trial: Callable[[str], Trial], servers: Servers, runner: World
) -> None:
    fronts = {"provider": servers.openai, "prometheus": servers.prometheus}

    def strike(step: str, dependency: str) -> None:
        if dependency == "cluster":
            runner.control("trouble", plagued=RUNNER, plagues=AWAY)
        elif dependency == "admin":
            _be_away(servers.admin_url, trial_run(), step)
        else:
            fronts[dependency].plagues = list(Way)

    def trial_run() -> RunbookRun:
        return runs.search(subject.actor, RunSearch()).rows[0]

    def is_over() -> bool:
        left = httpx.get(f"{runner.cluster.url}/sandbox/trouble", verify=TLS).json()["plagues"]
        return [left, *(each.plagues for each in fronts.values())] == [[], [], []]

    subject = trial(action)
    survive_every_plague(subject, action, GIVEN, Plague(strike=strike, is_over=is_over))


def _be_away(admin_url: str, run: RunbookRun, step: str) -> None:
    """Let DocuChat's database take no connection until the run says that it waits."""

    def is_told() -> bool:
        lines = runs.lines(engine.RUNNER, run.id)
        return any("rotate_database_password.away" in line.text and line.step == step for line in lines)

    def come_back() -> None:
        until(is_told)
        _let_in(admin_url, is_let_in=True)

    _let_in(admin_url, is_let_in=False)
    Thread(target=come_back).start()


def _let_in(admin_url: str, *, is_let_in: bool) -> None:
    address, _, name = admin_url.rpartition("/")
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {is_let_in}")


def test_a_provider_that_dies_before_the_new_key_is_written_leaves_the_old_one_and_names_what_was_made(
    trial: Callable[[str], Trial], servers: Servers
) -> None:
    subject = trial("rotate_openai_key")

    fail_in_every_step(
        subject,
        "rotate_openai_key",
        GIVEN,
        lambda _dependency, way: setattr(servers.openai, "dead", way),
    )

    for failed in runs.search(subject.actor, RunSearch(state=RunStage.FAILED)).rows:
        told = {each.key.rpartition(".")[2] for each in failed.result}
        assert told == ({"made", "still_valid"} if failed.memory.get("new_key_id") else {"perhaps_made"})


def test_a_rotation_goes_on_although_postgresql_dies_in_each_step(
    trial: Callable[[str], Trial], crash: Callable[[], None]
) -> None:
    survive_every_crash(trial("rotate_jwt_secret"), "rotate_jwt_secret", GIVEN, crash)
