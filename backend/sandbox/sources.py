"""The digest of the sources that something was built from."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from backend.sandbox.postgres import REPOSITORY


def fingerprint(*patterns: str) -> str:
    """The digest of all files that match, by their names and contents."""
    digest = hashlib.sha256()
    for path in _files(patterns):
        digest.update(str(path.relative_to(REPOSITORY)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(patterns: Iterable[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from (path for path in sorted(REPOSITORY.glob(pattern)) if path.is_file())
