"""Access to a measuring server: the proofs that each request carries, and the authorities that are trusted."""

import base64
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from backend.errors import Unavailable
from backend.prometheus_settings import PrometheusSettings, headers_of

SERVICE = "prometheus"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusAccess:
    """The proofs for one server. What is secret is in no ``repr``."""

    token: str = field(default="", repr=False)
    token_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def sign(self, request: httpx.Request) -> httpx.Request:
        """Put the proofs on a request; a token in a file is read anew each time, because it may be replaced.

        Raises:
            Unavailable: with ``cause`` token_file; the file cannot be read, or holds no token.
        """
        for name, value in self.headers:
            request.headers[name] = value
        if token := self._token():
            request.headers["authorization"] = f"Bearer {token}"
        elif self.username:
            proof = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            request.headers["authorization"] = f"Basic {proof}"
        return request

    def tls(self) -> ssl.SSLContext:
        """Trust in our own authority alone, if there is one, and our certificate for a server that wants one.

        Raises:
            Unavailable: with ``cause`` certificate_file; a file is gone, or holds none.
        """
        try:
            return self._context()
        except (OSError, ValueError):
            raise Unavailable(
                service=SERVICE, cause="certificate_file", reason="prometheus_certificate_file"
            ) from None

    def age(self) -> tuple[int, ...]:
        """The instants at which the files of certificates were written: with others a client is made anew."""
        return tuple(_written_at(each) for each in (self.ca_file, self.cert_file, self.key_file) if each)

    def _context(self) -> ssl.SSLContext:
        known = (
            ssl.create_default_context(cafile=self.ca_file) if self.ca_file else httpx.create_ssl_context()
        )
        if self.cert_file:
            # Asked for a password of the key, OpenSSL would wait at the terminal.
            known.load_cert_chain(self.cert_file, self.key_file, password=lambda: b"")
        return known

    def _token(self) -> str:
        if not self.token_file:
            return self.token
        try:
            told = Path(self.token_file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            told = ""
        if not told.isprintable() or " " in told or not told:
            raise Unavailable(service=SERVICE, cause="token_file", reason="prometheus_token_file")
        return told


def accesses(given: PrometheusSettings) -> list[PrometheusAccess]:
    """The proofs for each server of the settings, in their order."""
    files = given.prometheus_bearer_token_file or ("",)
    files = files * len(given.prometheus_url) if len(files) == 1 else files
    return [
        PrometheusAccess(
            token=given.prometheus_bearer_token.get_secret_value(),
            token_file=each,
            username=given.prometheus_username,
            password=given.prometheus_password.get_secret_value(),
            headers=tuple(headers_of(given.prometheus_headers.get_secret_value()).items()),
            ca_file=given.prometheus_ca_file,
            cert_file=given.prometheus_client_cert_file,
            key_file=given.prometheus_client_key_file,
        )
        for each in files
    ]


def _written_at(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0
