"""A portal that cannot work does not start."""

import subprocess
import sys
from pathlib import Path

import pytest

from backend.sandbox.processes import free_port
from backend.sandbox.site import own_environment
from tests.production import PRODUCTION

COMMAND = [sys.executable, "-m", "portal"]
MODE = {"REFLEX_ENV_MODE": "prod", "__REFLEX_SKIP_COMPILE": "true", "REFLEX_TELEMETRY_ENABLED": "false"}
NO_DATABASE = f"postgresql://portal:a-secret-word@127.0.0.1:{free_port()}/portal"
NOT_PROD = "Setting REFLEX_ENV_MODE: must be prod in production."


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({}, "Setting DATABASE_URL: is not set.", id="missing"),
        pytest.param({"REDIS_URL": "cache"}, "Setting REDIS_URL: ", id="no address"),
        pytest.param({"PROXY_HOPS": "one"}, "Setting PROXY_HOPS: ", id="no number"),
        pytest.param(
            PRODUCTION | {"SELLER_LOGO": "/nowhere/logo.svg"},
            "Setting SELLER_LOGO: must name a",
            id="no logo",
        ),
        pytest.param(PRODUCTION | {"REFLEX_ENV_MODE": ""}, NOT_PROD, id="production without its mode"),
        pytest.param(PRODUCTION | {"REFLEX_ENV_MODE": "dev"}, NOT_PROD, id="production in developers' mode"),
    ],
)
def test_a_wrong_setting_ends_the_web_process_with_its_sentence(given: dict[str, str], said: str) -> None:
    environment = own_environment()
    environment.pop("DATABASE_URL", None)

    run = subprocess.run(
        [*COMMAND, "--port", str(free_port())],
        env=environment | MODE | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert run.returncode != 0
    assert said in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.parametrize("wrong", [{"REFLEX_ENV_MODE": ""}, {"SELLER_LOGO": "/nowhere/logo.svg"}], ids=str)
def test_several_workers_are_not_started_again_and_again_with_a_wrong_setting(wrong: dict[str, str]) -> None:
    given = MODE | PRODUCTION | {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"} | wrong

    run = subprocess.run(
        [*COMMAND, "--workers", "2", "--port", str(free_port())],
        env=own_environment() | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert run.returncode == 2, run.stderr
    assert (run.stdout + run.stderr).count("Setting ") == 1


def test_a_portal_that_was_never_built_ends_with_one_sentence(tmp_path: Path) -> None:
    given = MODE | {
        "DATABASE_URL": NO_DATABASE,
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "REFLEX_WEB_WORKDIR": str(tmp_path),
        "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
    }

    run = subprocess.run(
        [*COMMAND, "--workers", "2", "--port", str(free_port())],
        env=own_environment() | given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    said = run.stdout + run.stderr
    assert run.returncode == 3, said
    assert said.count("The portal does not start: ") == 1
    assert "Traceback" not in said
    assert "a-secret-word" not in said
