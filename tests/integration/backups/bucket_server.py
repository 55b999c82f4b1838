"""A stand-in for object storage: buckets in memory, requests checked for their signature and their content's hash."""

import hashlib
import hmac
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

KEY, SECRET, REGION, BUCKET = "access-key", "secret-key", "us-east-1", "portal-backups"


class BucketServer(ThreadingHTTPServer):
    """One bucket. ``objects`` are what it holds, ``parts`` uploads that are not completed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.refuses = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def bucket_server() -> Iterator[BucketServer]:
    server = BucketServer()
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BucketServer

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""

    def do_PUT(self) -> None:
        if (body := self._checked()) is None:
            return
        if upload := self._asked("uploadId"):
            self.server.parts[upload][int(self._asked("partNumber"))] = body
        else:
            self.server.objects[self._name] = body
        self._answer(200, etag=body)

    def do_POST(self) -> None:
        if self._checked() is None:
            return
        if upload := self._asked("uploadId"):
            parts = self.server.parts.pop(upload)
            self.server.objects[self._name] = b"".join(parts[number] for number in sorted(parts))
            self._xml("CompleteMultipartUploadResult", f'<Key>{escape(self._name)}</Key><ETag>"x-1"</ETag>')
            return
        upload = f"upload-{len(self.server.parts)}"
        self.server.parts[upload] = {}
        self._xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")

    def do_GET(self) -> None:
        if self._checked() is None:
            return
        if not self._name:
            found = "".join(
                f"<Contents><Key>{escape(name)}</Key><LastModified>2026-11-28T00:00:00.000Z</LastModified>"
                f'<ETag>"x"</ETag><Size>{len(body)}</Size><StorageClass>STANDARD</StorageClass></Contents>'
                for name, body in sorted(self.server.objects.items())
            )
            self._xml("ListBucketResult", f"<Name>{BUCKET}</Name><IsTruncated>false</IsTruncated>{found}")
        elif self._name in self.server.objects:
            self._answer(200, self.server.objects[self._name])
        else:
            self._error(404, "NoSuchKey")

    def do_DELETE(self) -> None:
        if self._checked() is not None:
            self.server.objects.pop(self._name, None)
            self._answer(204)

    @property
    def _name(self) -> str:
        return urlsplit(self.path).path.removeprefix(f"/{BUCKET}").lstrip("/")

    def _asked(self, name: str) -> str:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True).get(name, [""])[0]

    def _checked(self) -> bytes | None:
        """The body of a request that is signed with our secret and whose content is what was signed."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = self.headers.get("x-amz-content-sha256", "")
        is_ours = content == hashlib.sha256(body).hexdigest() and self._is_signed(content)
        if self.server.refuses or not is_ours:
            self._error(403, "AccessDenied" if self.server.refuses else "SignatureDoesNotMatch")
            return None
        return body

    def _is_signed(self, content: str) -> bool:
        """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(.+), ?SignedHeaders=(.+), ?Signature=(.+)",
            self.headers.get("Authorization", ""),
        )
        if not found or found[1] != KEY:
            return False
        scope, signed = found[2], found[3].split(";")
        parts = urlsplit(self.path)
        query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
        headers = "".join(f"{name}:{' '.join(self.headers[name].split())}\n" for name in signed)
        request = "\n".join([self.command, parts.path, query, headers, found[3], content])
        to_sign = "\n".join(
            [
                "AWS4-HMAC-SHA256",
                self.headers["x-amz-date"],
                scope,
                hashlib.sha256(request.encode()).hexdigest(),
            ]
        )
        key = f"AWS4{SECRET}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex(), found[4])

    def _xml(self, root: str, inner: str) -> None:
        namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
        self._answer(200, f'<{root} xmlns="{namespace}">{inner}</{root}>'.encode())

    def _error(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())

    def _answer(self, status: int, body: bytes = b"", *, etag: bytes | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        if etag is not None:
            self.send_header("ETag", f'"{hashlib.md5(etag, usedforsecurity=False).hexdigest()}"')
        self.end_headers()
        self.wfile.write(body)
