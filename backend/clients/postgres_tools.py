"""PostgreSQL's own programs as child processes: lists of arguments, no shell, the address by environment alone.

https://www.postgresql.org/docs/current/app-pgdump.html, https://www.postgresql.org/docs/current/app-pgrestore.html
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from backend.clients.http import refuse_inside_transaction
from backend.errors import Refused, Unavailable
from backend.log import get_logger, redact

EndCheck = Callable[[], None]
"""Called again and again while something long is done; what it raises ends it."""
POLL_S = 0.1
TERMINATE_S = 10.0
LONGEST_TAIL = 2000

log = get_logger(__name__)


class PostgresTools:
    """The programs of a folder, or of the search path, for one server."""

    def __init__(
        self, folder: str, environment: Mapping[str, str], *, check: EndCheck = lambda: None
    ) -> None:
        """Name the folder and the server. ``check`` is called while a program runs; what it raises ends the program."""
        self._folder = folder
        self._environment = dict(environment)
        self._check = check

    def version(self, program: str) -> int:
        """The major version of a program, such as 18. Raises Unavailable when it is not there."""
        with tempfile.TemporaryFile() as output:
            self._run(program, ["--version"], output=output.fileno())
            output.seek(0)
            words = output.read().decode(errors="replace").split()
        numbers = [word for word in words if word[:1].isdigit()]
        if not numbers:
            raise Unavailable(service="postgres_tools", program=program)
        return int(numbers[0].partition(".")[0].rstrip("abcdefghijklmnopqrstuvwxyz"))

    def dump(self, path: Path, snapshot: str) -> None:
        """Write a dump in the custom format, as the database was when the snapshot was taken."""
        self._run("pg_dump", ["--format=custom", f"--snapshot={snapshot}", f"--file={path}", "--no-password"])

    def read(self, path: Path) -> None:
        """Read a dump to its end; a shortened or damaged one fails. ``pg_restore --list`` would not notice."""
        self._run("pg_restore", ["--file=/dev/null", "--", str(path)])

    def restore(self, path: Path, *, workers: int) -> None:
        """Restore a dump into the environment's database, as its own account; the first error ends it."""
        # An empty name makes libpq take PGDATABASE; a name of ours would be read as a connection string.
        self._run(
            "pg_restore",
            [
                "--exit-on-error",
                "--no-owner",
                "--no-password",
                f"--jobs={workers}",
                "--dbname=",
                "--",
                str(path),
            ],
        )

    def _run(self, program: str, arguments: Sequence[str], *, output: int = subprocess.DEVNULL) -> None:
        refuse_inside_transaction()
        path = str(Path(self._folder) / program) if self._folder else program
        with tempfile.TemporaryFile() as complaints:
            try:
                child = subprocess.Popen(  # noqa: S603 - a list of arguments, the program from our own settings
                    [path, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=complaints,
                    env={**_plain_environment(), **self._environment},
                )
            except OSError as error:
                raise Unavailable(service="postgres_tools", program=program) from error
            code = self._wait(child)
            if code != 0:
                complaints.seek(0)
                said = redact(complaints.read().decode(errors="replace"))[-LONGEST_TAIL:].strip()
                log.error("postgres_tools.failed", program=program, code=code, said=said)
                if not said:
                    raise Refused(reason="postgres_tool_ended", program=program, code=code)
                raise Refused(reason="postgres_tool_failed", program=program, said=said)

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    return child.wait(POLL_S)
                self._check()
        finally:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(TERMINATE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _plain_environment() -> dict[str, str]:
    """The variables of this process that a program needs. No PG variable leads it elsewhere, messages are English."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "LC_ALL": "C"}
