"""``python -m delivery.secret_scan [FOLDER]``: look for secrets in every file that git knows or would add.

The shapes are those of detect-secrets, and the provider's newer keys. A guess by entropy or by a name such as
"password" finds hundreds of harmless lines here, and what is always red is read by nobody. Ends with 1 where one is.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import RegexBasedDetector

ROOT = Path(__file__).parents[1]
PROVIDER_KEY = "OpenAI key"
_PROVIDER_KEYS = re.compile(r"\bsk-(?:proj|admin|svcacct|None)-[A-Za-z0-9_-]{40,}")
# Addresses are no secrets, and the names of the stand-ins' hosts are many.
_NO_SECRETS = {"Public IP (ipv4)"}
PASSWORD_IN_ADDRESS = "Basic Auth Credentials"  # noqa: S105 - the name of a kind
# Passwords that documents and tests made up; none was ever valid anywhere.
MADE_UP_PASSWORDS = {
    "%s",
    "123456789012",
    "5ecret-pa55word",
    "AdminPassword0123456789",
    "DocuchatPassword0123456789",
    "Kx9-long-enough",
    "Kx9-short",
    "MailPassword0123456789",
    "a%40%3A%2Fb",
    "a-secret-word",
    "aStrongDatabasePassword42",
    "aaaaaaaaaaaaaa",
    "docuchat",
    "docuchat-invoices",
    "geheim",
    "p",
    "p%2Fw",
    "p%2Fw%3A1",
    "p%6frtal",
    "pa55",
    "password",
    "portal",
    "portal-development",
    "portal-of-docuchat",
    "postgres",
    "s3cretvalue",
    "secret",
    "wrong",
    "wrong-one",
    "x",
}
_PLACEHOLDER = re.compile(r"\{\w+\}|\$\{?\w+\}?")
# Files that need something of the shape of a secret: made for a test, trusted by nobody.
MADE_FOR_TESTS = {
    "tests/bench/run_store.py": {"JSON Web Token"},
    "tests/integration/notifications/loopback.pem": {"Private Key"},
    "tests/integration/rotations/test_pods.py": {"JSON Web Token"},
    "tests/unit/foundation/test_redaction.py": {"JSON Web Token", "Private Key"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something of the shape of a secret. The secret itself is not kept: what is printed is read by many."""

    path: str
    line: int
    kind: str


def scan(folder: Path) -> list[Found]:
    """The secrets in the files of a repository."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    files = [name for name in told.split("\0") if name and (folder / name).is_file()]
    return [found for name in files for found in in_text(name, (folder / name).read_bytes())]


def in_text(path: str, content: bytes) -> Iterator[Found]:
    """The secrets in a file; a binary one is read as text, too."""
    text = content.decode(errors="replace")
    for kind, pattern in _patterns():
        for match in pattern.finditer(text):
            if not _is_known(path, kind, match[match.lastindex or 0]):
                yield Found(path=path, line=text.count("\n", 0, match.start()) + 1, kind=kind)


def _is_known(path: str, kind: str, secret: str) -> bool:
    if kind == PASSWORD_IN_ADDRESS and (secret in MADE_UP_PASSWORDS or _PLACEHOLDER.fullmatch(secret)):
        return True
    return kind in MADE_FOR_TESTS.get(path, ())


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    detectors: dict[str, type] = get_mapping_from_secret_type_to_class()
    found = [
        (kind, pattern)
        for kind, detector in detectors.items()
        if issubclass(detector, RegexBasedDetector) and kind not in _NO_SECRETS
        for pattern in detector().denylist
    ]
    return (*found, (PROVIDER_KEY, _PROVIDER_KEYS))


def main(argv: list[str]) -> int:
    """Run the command line; returns the exit code."""
    found = scan(Path(argv[0]) if argv else ROOT)
    for each in found:
        print(f"{each.path}:{each.line}: {each.kind}")
    print(f"{len(found)} secrets found." if found else "No secret found.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
