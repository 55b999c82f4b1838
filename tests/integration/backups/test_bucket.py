"""Backups in object storage: whole or none there too, and restored where the folder was lost."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.actor import Actor
from backend.backups import service as backups
from backend.backups.types import BackupOrigin
from backend.clients.object_storage import PART_BYTES, ObjectStorage
from backend.config import settings
from backend.errors import Refused, Unavailable
from tests.integration.backups.bucket_server import BUCKET, KEY, REGION, SECRET, BucketServer, bucket_server

RUNNER = Actor.process_named("runbooks")


@pytest.fixture
def bucket(owned: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketServer]:
    with bucket_server() as server:
        monkeypatch.setenv("BACKUP_BUCKET_URL", server.url)
        monkeypatch.setenv("BACKUP_BUCKET_NAME", BUCKET)
        monkeypatch.setenv("BACKUP_BUCKET_ACCESS_KEY", KEY)
        monkeypatch.setenv("BACKUP_BUCKET_SECRET_KEY", SECRET)
        settings.cache_clear()
        yield server


def test_a_backup_is_restored_from_the_bucket_where_the_folder_was_lost(bucket: BucketServer) -> None:
    backup = backups.backup(RUNNER, BackupOrigin.ASKED)
    assert sorted(bucket.objects) == [f"{backup.name}.dump", f"{backup.name}.json"]
    shutil.rmtree(settings().backup_dir)

    assert backups.backups(RUNNER) == [backup]
    assert backups.drill(RUNNER, "0a1b2c3d").error == ""

    shutil.rmtree(settings().backup_dir)
    bucket.objects[f"{backup.name}.dump"] = bucket.objects[f"{backup.name}.dump"][:-9]
    with pytest.raises(Refused) as refused:
        backups.check_backup(RUNNER, backup.name)
    assert refused.value.data["reason"] == "backup_damaged"


def test_a_backup_that_does_not_reach_the_bucket_is_none(bucket: BucketServer) -> None:
    bucket.refuses = True
    with pytest.raises(Unavailable) as lost:
        backups.backup(RUNNER, BackupOrigin.ASKED)

    bucket.refuses = False
    assert lost.value.data == {"service": "backups", "cause": "AccessDenied"}
    assert backups.backups(RUNNER) == []
    assert bucket.objects == {}


def test_a_large_file_arrives_in_parts_and_a_wrong_secret_is_refused(tmp_path: Path) -> None:
    large, back = tmp_path / "large", tmp_path / "back"
    large.write_bytes(bytes(range(256)) * (PART_BYTES // 256) + b"the rest")
    with bucket_server() as server:
        storage = ObjectStorage(server.url, BUCKET, access_key=KEY, secret_key=SECRET, region=REGION)
        storage.put("large", large)
        storage.get("large", back, lambda: None)
        assert back.read_bytes() == large.read_bytes()
        storage.remove("large")
        assert storage.names() == []
        with pytest.raises(Unavailable):
            ObjectStorage(server.url, BUCKET, access_key=KEY, secret_key="wrong", region=REGION).names()
