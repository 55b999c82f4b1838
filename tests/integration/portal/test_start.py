"""A portal that cannot work does not start."""

import os
import subprocess
import sys

import pytest

from backend.sandbox.processes import free_port

PRODUCTION = {
    "ENVIRONMENT": "production",
    "DATABASE_URL": "postgresql://portal:Kx9-long@127.0.0.1:1/portal",
    "PUBLIC_URL": "https://portal.example.ir",
    "ZIBAL_MERCHANT": "65c3a1",
    "METRICS_TOKEN": "a-long-random-token-of-32-letters",
}


def refusal_of(environment: dict[str, str]) -> str:
    """What the web process says before it ends by itself."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REFLEX_ENV_MODE", "PYTEST_CURRENT_TEST"}
    }
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "portal.portal:app"]
    run = subprocess.run(
        [*command, "--port", str(free_port())],
        env={
            **inherited,
            "__REFLEX_SKIP_COMPILE": "true",
            "REFLEX_TELEMETRY_ENABLED": "false",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    said = run.stdout + run.stderr
    assert run.returncode != 0
    assert "Traceback" not in said
    return said


def test_a_missing_setting_ends_the_web_process_with_its_sentence() -> None:
    assert "Setting DATABASE_URL: is not set." in refusal_of({"REFLEX_ENV_MODE": "prod"})


@pytest.mark.parametrize("mode", [{}, {"REFLEX_ENV_MODE": "dev"}], ids=["unset", "dev"])
def test_production_does_not_start_with_the_debugging_mode_on(mode: dict[str, str]) -> None:
    assert "Setting REFLEX_ENV_MODE: must be prod in production." in refusal_of(PRODUCTION | mode)
