"""An authority of the tests' own, and certificates that it signs, made by openssl."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """
[ca]
default_ca = us
[us]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
"""
_PAST, _FUTURE = ("20200101000000Z", "20200201000000Z"), ("20200101000000Z", "20991231000000Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate and its key."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for loopback servers and for clients."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._own = Pair(certificate=folder / "ca.crt", key=folder / "ca.key")
        self.config = folder / "ca.cnf"
        self.config.write_text(_CONFIG.format(folder=folder))
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01")
        self._run(
            "req", "-x509", *_new_key(self._own), "-days", "2", "-subj", "/CN=authority", "-out", self.file
        )

    @property
    def file(self) -> Path:
        """The file that whoever trusts this authority names."""
        return self._own.certificate

    def issue(self, name: str, alternative: str = "IP:127.0.0.1", *, is_expired: bool = False) -> Pair:
        """A certificate for an address, valid now or no more."""
        made = Pair(certificate=self._folder / f"{name}.crt", key=self._folder / f"{name}.key")
        request = self._folder / f"{name}.csr"
        names = ("-addext", f"subjectAltName={alternative}")
        self._run("req", *_new_key(made), "-subj", f"/CN={name}", *names, "-out", request)
        begins, ends = _PAST if is_expired else _FUTURE
        self._run(
            "ca", "-batch", "-notext", "-config", self.config, "-cert", self.file, "-keyfile", self._own.key,
            "-startdate", begins, "-enddate", ends, "-in", request, "-out", made.certificate,
        )  # fmt: skip
        return made

    @staticmethod
    def _run(*argv: str | Path) -> None:
        subprocess.run(["openssl", *map(str, argv)], check=True, capture_output=True)


def server_tls(pair: Pair, client_authority: Authority | None = None) -> ssl.SSLContext:
    """What a server with this certificate speaks; it may want a client's certificate of an authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if client_authority:
        context.load_verify_locations(cafile=client_authority.file)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _new_key(pair: Pair) -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(pair.key))
