"""A start that fails is one sentence: no trace, and no part of a password."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from backend.sandbox.postgres import PostgresServer
from backend.sandbox.processes import free_port
from backend.sandbox.site import own_environment

CANARY = "Kanarienvogel"
COMMANDS = {
    "web": ["-m", "portal", "--port", "0"],
    "jobs": ["-m", "jobs"],
    "a job": ["-m", "jobs", "run", "sweep_payments"],
    "billing": ["-m", "jobs", "run", "nightly_billing", "--dry-run"],
    "migrations": ["-m", "backend.db", "upgrade"],
    "a command": ["-m", "backend.accounts", "list-users"],
    "exec": ["-m", "backend.sandbox", "exec", sys.executable, "-m", "backend.db", "upgrade"],
}
# What waits for a database that is away does not end.
ENDS = ("a job", "billing", "exec")


def run(command: str, url: str) -> subprocess.CompletedProcess[str]:
    mode = {"REFLEX_ENV_MODE": "prod", "__REFLEX_SKIP_COMPILE": "true"}
    return subprocess.run(
        [sys.executable, *COMMANDS[command]],
        env={**own_environment(), **mode, "DATABASE_URL": url},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_start_that_fails_is_a_sentence_without_a_secret(postgres_server: PostgresServer) -> None:
    server = urlsplit(postgres_server.url())
    here = f"127.0.0.1:{server.port}"
    wrong = f"postgresql://postgres:{CANARY}@x@{here}/x"
    asked = [(command, wrong) for command in COMMANDS]
    asked += [(command, f"postgresql://postgres:{CANARY}@{here}/x") for command in ENDS]
    asked += [("migrations", f"postgresql://u:{CANARY}@127.0.0.1:{free_port()}/x")]
    asked += [("migrations", f"postgresql://u:{CANARY}@no.such.host.invalid/x")]
    asked += [("migrations", f"{postgres_server.url('nowhere')}")]

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        ended = list(threads.map(lambda each: run(*each), asked))

    for (command, url), done in zip(asked, ended, strict=True):
        said = done.stdout + done.stderr
        assert done.returncode in {1, 2}, (command, said)
        assert "DATABASE_URL" in said, (command, said)
        assert "Traceback" not in said, (command, said)
        assert CANARY not in said, (command, said)
        assert str(server.password) not in said, (command, said)
        assert url not in said
