"""A portal that cannot work does not start."""

import os
import subprocess
import sys

from backend.sandbox.processes import free_port


def test_a_missing_setting_ends_the_web_process_with_its_sentence() -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "PYTEST_CURRENT_TEST"}
    }
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "portal.portal:app"]
    run = subprocess.run(
        [*command, "--port", str(free_port())],
        env=environment
        | {"REFLEX_ENV_MODE": "prod", "__REFLEX_SKIP_COMPILE": "true", "REFLEX_TELEMETRY_ENABLED": "false"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert run.returncode != 0
    assert "Setting DATABASE_URL: is not set." in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
