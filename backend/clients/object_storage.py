"""Object storage that speaks S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ by the library ``minio``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException

from backend.clients.http import refuse_inside_transaction
from backend.errors import Unavailable
from backend.log import get_logger

# A larger file is sent in parts of this size; each is in memory while it is sent.
PART_BYTES = 16 * 1024 * 1024
TIMEOUT = urllib3.Timeout(connect=5, read=60)
RETRIES = urllib3.Retry(total=2, backoff_factor=0.2)
CHUNK_BYTES = 1024 * 1024

log = get_logger(__name__)


class ObjectStorage:
    """A bucket. Every method raises Unavailable when the storage does not answer, or refuses."""

    def __init__(self, url: str, bucket: str, *, access_key: str, secret_key: str, region: str) -> None:
        """Name the bucket; nothing is asked yet."""
        parts = urlsplit(url)
        self._bucket = bucket
        self._client = Minio(
            endpoint=parts.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=parts.scheme == "https",
            region=region,
            http_client=urllib3.PoolManager(timeout=TIMEOUT, retries=RETRIES),
        )

    def names(self) -> list[str]:
        """The names of all objects."""
        with _translated():
            found = self._client.list_objects(bucket_name=self._bucket, recursive=True)
            return [each.object_name for each in found if each.object_name]

    def put(self, name: str, path: Path) -> None:
        """Store a file under a name; an older one is replaced when all of the new one has arrived."""
        with _translated():
            self._client.fput_object(
                bucket_name=self._bucket, object_name=name, file_path=str(path), part_size=PART_BYTES
            )

    def get(self, name: str, path: Path, check: Callable[[], None]) -> None:
        """Write an object to a file. ``check`` is called again and again; what it raises ends it."""
        with _translated():
            answer = self._client.get_object(bucket_name=self._bucket, object_name=name)
            try:
                with path.open("wb") as file:
                    for chunk in answer.stream(CHUNK_BYTES):
                        file.write(chunk)
                        check()
            finally:
                answer.close()
                answer.release_conn()

    def remove(self, name: str) -> None:
        """Remove an object; one that is missing is no fault."""
        with _translated():
            self._client.remove_object(bucket_name=self._bucket, object_name=name)


@contextmanager
def _translated() -> Iterator[None]:
    refuse_inside_transaction()
    try:
        yield
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        cause = getattr(error, "code", "") or type(error).__name__
        log.error("object_storage.failed", cause=cause)  # noqa: TRY400 - the trace would say no more
        raise Unavailable(service="backups", cause=cause) from error
