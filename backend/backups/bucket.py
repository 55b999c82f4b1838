"""Backups in a bucket of object storage, with the folder as its cache: what the folder lacks is fetched."""

from pathlib import Path

from backend.backups.rules import BACKUP_NAME
from backend.backups.types import Backup
from backend.backups.volume import Volume
from backend.clients.object_storage import ObjectStorage
from backend.clients.postgres_tools import EndCheck
from backend.config import settings


class Bucket(Volume):
    """As a folder; a backup is there when its manifest is in the bucket, where it arrives last."""

    def __init__(self, folder: str, storage: ObjectStorage) -> None:
        """Name the folder and the bucket."""
        super().__init__(folder)
        self._storage = storage

    def backups(self) -> list[Backup]:
        """Every whole backup of the bucket, the newest first."""
        names = {Path(name).stem for name in self._storage.names() if name.endswith(".json")}
        for name in sorted(filter(BACKUP_NAME.fullmatch, names)):
            self._fetch_manifest(name)
        return [each for each in super().backups() if each.name in names]

    def backup(self, name: str) -> Backup:
        """The backup of this name, from the folder or the bucket. Raises Refused when there is none."""
        if not self._path(name, "json").exists() and f"{name}.json" in self._storage.names():
            self._fetch_manifest(name)
        return super().backup(name)

    def fetch(self, name: str, check: EndCheck) -> Path:
        """The path of a backup's dump, which is fetched where the folder lacks it."""
        path = self.dump(name)
        if not path.exists():
            self._storage.get(path.name, self.draft(name), check)
            self.draft(name).rename(path)
        return path

    def keep(self, backup: Backup) -> None:
        """Keep the backup in the folder, then in the bucket, where its manifest arrives last."""
        super().keep(backup)
        for path in (self.dump(backup.name), self._path(backup.name, "json")):
            self._storage.put(path.name, path)

    def discard(self, name: str) -> None:
        """Remove a backup from the folder, then from the bucket; there, too, the manifest first."""
        super().discard(name)
        for ending in ("json", "dump"):
            self._storage.remove(self._path(name, ending).name)

    def _fetch_manifest(self, name: str) -> None:
        path = self._path(name, "json")
        if not path.exists():
            draft = self._path(name, "json.partial")
            self._storage.get(path.name, draft, lambda: None)
            draft.rename(path)


def kept_backups() -> Volume:
    """The backups of the settings: in a folder, or in a bucket as well."""
    known = settings()
    if not known.backup_bucket_url:
        return Volume(known.backup_dir)
    storage = ObjectStorage(
        known.backup_bucket_url,
        known.backup_bucket_name,
        access_key=known.backup_bucket_access_key.get_secret_value(),
        secret_key=known.backup_bucket_secret_key.get_secret_value(),
        region=known.backup_bucket_region,
    )
    return Bucket(known.backup_dir, storage)
