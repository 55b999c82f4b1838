"""The portal's front end: built once per state of its sources, then served from one port."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from backend.sandbox import tools
from backend.sandbox.locks import alone
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import Child, Command, SandboxError, tail
from backend.sandbox.site import own_environment
from backend.sandbox.sources import fingerprint

# What the compiler reads: a page's texts come from the catalogue, its choices from the features' types.
SOURCES = (
    "rxconfig.py",
    "requirements.txt",
    "assets/**/*",
    "portal/**/*.py",
    "portal/**/*.toml",
    "backend/i18n/*.py",
    "backend/*/*.toml",
    "runbooks/**/*.toml",
)
LOCKS = ("reflex.lock/*",)
TYPE_SOURCES = ("backend/*/types.py", "backend/actor.py", "backend/errors.py")


def environment(use: str, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which Reflex builds and serves a use (`demo`, `e2e`, ...), asking no foreign servers."""
    return {
        **(own_environment() if base is None else base),
        "REFLEX_DIR": str(tools.LOCAL / "reflex"),
        "REFLEX_WEB_WORKDIR": str(tools.LOCAL / f"web-{use}"),
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_USE_SYSTEM_BUN": "1",
    }


def build(use: str) -> bool:
    """Build the front end of one use unless it is already built from these sources; tells whether it was built."""
    with alone(tools.LOCAL / f"web-{use}.lock"):
        return _build(use)


def _build(use: str) -> bool:
    web = tools.LOCAL / f"web-{use}"
    stamp = web / ".built-from"
    sources = fingerprint(*SOURCES, *TYPE_SOURCES)
    if (
        stamp.is_file()
        and stamp.read_text() == sources + fingerprint(*LOCKS)
        and (web / "build/client/index.html").is_file()
    ):
        return False
    stamp.unlink(missing_ok=True)
    log_path = tools.LOCAL / f"web-{use}.log"
    log_path.unlink(missing_ok=True)
    export = Command(
        name="export",
        argv=[sys.executable, "-m", "reflex", "export", "--no-zip"],
        cwd=REPOSITORY,
        env=build_environment(use),
        log_path=log_path,
    )
    if Child(export).finish() != 0 or not (web / "build/client/index.html").is_file():
        raise SandboxError(f"The front end could not be built ({log_path}):\n{tail(log_path, 25)}")
    # The build itself may bring the lock up to date.
    stamp.write_text(sources + fingerprint(*LOCKS))
    return True


def web_command(use: str, *, port: int, log_path: Path, env: Mapping[str, str], workers: int = 1) -> Command:
    """The production command of the web process: pages, websocket and plain routes on one port."""
    return Command(
        name="web",
        argv=[
            *(sys.executable, "-m", "portal", "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", str(workers)),
        ],
        log_path=log_path,
        cwd=REPOSITORY,
        env={
            **environment(use, env),
            "REFLEX_ENV_MODE": "prod",
            "__REFLEX_SKIP_COMPILE": "true",
            "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
        },
    )


def build_environment(use: str) -> dict[str, str]:
    """The environment in which the front end of a use is built."""
    env = environment(use)
    folders = [tools.bun().parent, Path(sys.executable).parent, tools.node().parent]
    env["PATH"] = os.pathsep.join([*map(str, folders), env.get("PATH", os.defpath)])
    if not env.get("NPM_CONFIG_REGISTRY"):
        # Otherwise Reflex measures which of two mirrors answers faster.
        env["NPM_CONFIG_REGISTRY"] = tools.npm_registry()
    return env
