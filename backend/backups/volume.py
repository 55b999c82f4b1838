"""Backups in a folder: a dump and a manifest each. What is half written is never taken for a backup."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from backend.backups.rules import BACKUP_NAME
from backend.backups.types import Backup, BackupOrigin
from backend.clients.postgres_tools import EndCheck
from backend.errors import Refused, Unavailable
from backend.log import get_logger

CHUNK_BYTES = 1024 * 1024

log = get_logger(__name__)


class Volume:
    """A folder of backups. A backup is there when its manifest is: it is written last, and renamed into place."""

    def __init__(self, folder: str) -> None:
        """Name the folder; it is made if it is missing. Raises Refused for none, Unavailable where it cannot be."""
        if not folder:
            raise Refused(reason="backup_dir_missing")
        self.folder = Path(folder)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _lost(error) from error

    def backups(self) -> list[Backup]:
        """Every whole backup, the newest first. A manifest that cannot be read is told in the log and left out."""
        found = [backup for path in self._manifests() if (backup := _read(path)) is not None]
        return sorted(found, key=lambda each: each.started_at, reverse=True)

    def backup(self, name: str) -> Backup:
        """The backup of this name. Raises Refused when there is none."""
        path = self._path(name, "json")
        found = _read(path) if path.exists() else None
        if found is None or found.name != name:
            raise Refused(reason="backup_missing")
        return found

    def dump(self, name: str) -> Path:
        """The path of a backup's dump."""
        return self._path(name, "dump")

    def fetch(self, name: str, check: EndCheck) -> Path:  # noqa: ARG002 - a bucket has to wait for it
        """The path of a backup's dump; whoever needs its content calls this."""
        return self.dump(name)

    def draft(self, name: str) -> Path:
        """The path for a dump that is being written."""
        return self._path(name, "dump.partial")

    def free_bytes(self) -> int:
        """Free space of the volume."""
        return shutil.disk_usage(self.folder).free

    def keep(self, backup: Backup) -> None:
        """Make a draft a backup: both files are on the disk before either has its name."""
        try:
            _sync(self.draft(backup.name))
            self.draft(backup.name).rename(self.dump(backup.name))
            draft = self._path(backup.name, "json.partial")
            draft.write_text(json.dumps(_to_manifest(backup), indent=1))
            _sync(draft)
            draft.rename(self._path(backup.name, "json"))
            _sync(self.folder)
        except OSError as error:
            raise _lost(error) from error

    def discard(self, name: str) -> None:
        """Remove a backup, or what there is of a draft; the manifest first, so that no half of it looks whole."""
        for ending in ("json", "json.partial", "dump", "dump.partial"):
            self._path(name, ending).unlink(missing_ok=True)

    def leftovers(self, before: datetime) -> list[str]:
        """Names of drafts and dumps without a manifest that nobody has written to since ``before``."""
        old = [path for path in self.folder.iterdir() if path.stat().st_mtime < before.timestamp()]
        names = {
            path.name.partition(".")[0] for path in old if ".dump" in path.name or path.suffix == ".partial"
        }
        return sorted(
            name for name in names if BACKUP_NAME.fullmatch(name) and not self._path(name, "json").exists()
        )

    def _manifests(self) -> Iterator[Path]:
        try:
            yield from (path for path in self.folder.glob("*.json") if BACKUP_NAME.fullmatch(path.stem))
        except OSError as error:
            raise _lost(error) from error

    def _path(self, name: str, ending: str) -> Path:
        # A name comes from a form: it must not lead out of the folder.
        if not BACKUP_NAME.fullmatch(name):
            raise Refused(reason="backup_missing")
        return self.folder / f"{name}.{ending}"


def sha256_of(path: Path, check: EndCheck) -> str:
    """The checksum of a file. Raises Unavailable when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                check()
    except OSError as error:
        raise _lost(error) from error
    return digest.hexdigest()


def _lost(error: OSError) -> Unavailable:
    log.error("backups.volume_failed", reason=error.strerror or type(error).__name__)
    return Unavailable(service="backups", cause=error.strerror or type(error).__name__)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _to_manifest(backup: Backup) -> dict[str, Any]:
    return asdict(backup) | {
        "started_at": backup.started_at.isoformat(),
        "finished_at": backup.finished_at.isoformat(),
    }


def _read(path: Path) -> Backup | None:
    try:
        known = json.loads(path.read_text())
        known |= {name: datetime.fromisoformat(known[name]) for name in ("started_at", "finished_at")}
        return Backup(**known | {"origin": BackupOrigin(known["origin"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.error("backups.manifest_unreadable", name=path.name, reason=type(error).__name__)  # noqa: TRY400 - the trace would say no more
        return None
