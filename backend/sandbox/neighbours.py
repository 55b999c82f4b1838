"""Redis and PgBouncer, which an installation may have beside the portal: real ones, for the tests."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from backend.sandbox import tools
from backend.sandbox.postgres import server_account
from backend.sandbox.processes import Child, Command, SandboxError, accepts, free_port, wait_until
from backend.sandbox.trials import Trial, said

HOST = "127.0.0.1"
# The libraries that a bare Debian lacks; their names differ between its releases.
REDIS_PACKAGES = ("redis-server", "redis-tools")
REDIS_LIBRARIES = ("libjemalloc2", "liblzf1", "libatomic1")
PGBOUNCER_PACKAGES = ("pgbouncer",)
PGBOUNCER_LIBRARIES = ("libevent-2.1-7", "libevent-2.1-7t64", "libc-ares2", "libcares2")


def redis_server() -> Path:
    """The program of Redis: from PATH, else Debian's package merely unpacked."""
    return _program("redis-server", _takes_connections, REDIS_PACKAGES, REDIS_LIBRARIES)


def pgbouncer() -> Path:
    """The program of PgBouncer: from PATH, else Debian's package merely unpacked."""
    return _program("pgbouncer", _tells_its_version, PGBOUNCER_PACKAGES, PGBOUNCER_LIBRARIES)


def environment() -> dict[str, str]:
    """The environment in which an unpacked program finds the libraries unpacked beside it."""
    libraries = map(str, sorted(tools.UNPACKED.glob("usr/lib/*-linux-gnu")))
    return {"PATH": os.environ.get("PATH", os.defpath), "LD_LIBRARY_PATH": os.pathsep.join(libraries)}


class RedisServer:
    """A Redis without persistence on a loopback port, for as long as it is started."""

    def __init__(self, folder: Path) -> None:
        """Name the folder of its log; nothing starts yet."""
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self._folder = folder
        self._child: Child | None = None

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self._child = _started("redis", _redis(redis_server(), self.port), self._folder, self.port)

    def stop(self) -> None:
        """End it with all that it knows."""
        if self._child is not None:
            self._child.stop()

    def signal(self, number: int) -> None:
        """Send the process a signal, such as the one that makes it hang."""
        if self._child is None:
            raise SandboxError("Redis does not run.")
        self._child.process.send_signal(number)


class PgBouncer:
    """A PgBouncer in front of a PostgreSQL on a loopback port; ``mode`` is ``session`` or ``transaction``."""

    def __init__(self, folder: Path, *, server_port: int, mode: str, user: str, password: str) -> None:
        """Write its settings; nothing starts yet."""
        self.port = free_port()
        self._folder = folder
        self._child: Child | None = None
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        users = folder / "users.txt"
        users.write_text(f'"{user}" "{password}"\n')
        self._settings = folder / "pgbouncer.ini"
        settings = {
            "listen_addr": HOST, "listen_port": self.port, "unix_socket_dir": "", "auth_type": "scram-sha-256",
            "auth_file": users, "pool_mode": mode, "default_pool_size": 8, "max_client_conn": 200,
        }  # fmt: skip
        if server_account() is not None:
            settings["user"] = "nobody"  # it refuses to be root, as PostgreSQL does
        lines = ["[databases]", f"* = host={HOST} port={server_port}", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in settings.items()]
        self._settings.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        self._child = _started("pgbouncer", [str(pgbouncer()), str(self._settings)], self._folder, self.port)

    def stop(self) -> None:
        """End it and every connection through it."""
        if self._child is not None:
            self._child.stop()


def _started(name: str, argv: Sequence[str], folder: Path, port: int) -> Child:
    command = Command(name=name, argv=argv, log_path=folder / f"{name}.log", env=environment(), cwd=folder)
    child = Child(command)
    try:
        wait_until(lambda: accepts(port), child=child)
    except SandboxError:
        child.stop()
        raise
    return child


def _redis(program: Path, port: int) -> list[str]:
    return [str(program), "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]


def _takes_connections(redis: Path) -> bool:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        try:
            _started("redis", _redis(redis, port), Path(folder), port).stop()
        except (SandboxError, OSError):
            return False
    return True


def _tells_its_version(program: Path) -> bool:
    return said([str(program), "--version"], env=environment()) is not None


def _program(name: str, trial: Trial, packages: Sequence[str], libraries: Sequence[str]) -> Path:
    with tools.only_one_at_a_time():
        if found := tools.found_program([name], trial):
            return found
        problem = tools.unpack_debian_packages(packages, where_they_exist=libraries)
        if found := tools.found_program([name], trial):
            return found
    raise SandboxError(
        f"{name} is missing. Install it so that it is on PATH, then start again."
        f" Tried: {problem or 'what was fetched does not run here'}."
    )
