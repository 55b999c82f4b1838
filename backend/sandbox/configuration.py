"""Writes the configuration of a server of the sandbox."""

from collections.abc import Mapping
from pathlib import Path


def write_configuration(folder: Path, files: Mapping[str, str]) -> None:
    """Write files for us alone to read. Their names may contain folders; the folders are made."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
