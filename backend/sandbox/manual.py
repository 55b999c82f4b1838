"""The manual: built once per state of its sources, so that the portal of this machine can show it at /docs."""

import os
import sys

from backend.sandbox import tools
from backend.sandbox.locks import alone
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.processes import Child, Command, SandboxError, tail
from backend.sandbox.sources import fingerprint

SITE = REPOSITORY / "site"
SOURCES = ("mkdocs.*.yml", "docs/**/*", "CHANGELOG.md", "requirements.txt")
# The English site lies in the Persian one, which empties its folder first.
CONFIGURATIONS = ("mkdocs.fa.yml", "mkdocs.en.yml")


def build() -> bool:
    """Build it in both languages unless that is done already; tells whether it was built."""
    with alone(tools.LOCAL / "manual.lock"):
        stamp, sources = tools.LOCAL / "manual-built-from", fingerprint(*SOURCES)
        if stamp.is_file() and stamp.read_text() == sources and (SITE / "en/index.html").is_file():
            return False
        for configuration in CONFIGURATIONS:
            _run(configuration)
        stamp.write_text(sources)
        return True


def _run(configuration: str) -> None:
    log_path = tools.LOCAL / "manual.log"
    command = Command(
        name="manual",
        argv=[sys.executable, "-m", "mkdocs", "build", "--strict", "-f", configuration],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        log_path=log_path,
    )
    if Child(command).finish() != 0:
        raise SandboxError(f"The manual could not be built ({log_path}):\n{tail(log_path, 25)}")
