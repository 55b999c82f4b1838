"""A certificate for the loopback address, and for one name more: kubectl sends no token without TLS."""

import shutil
import subprocess
from pathlib import Path

from backend.sandbox.serving import Certificate


def certificate_in(folder: Path, public_host: str = "") -> Certificate | None:
    """The certificate kept in a folder, made on first use; None where there is no openssl."""
    found = Certificate(certificate=folder / "kubernetes.crt", key=folder / "kubernetes.key")
    if found.certificate.is_file() and found.key.is_file():
        return found
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    found.key.touch(mode=0o600)
    names = ["IP:127.0.0.1", "DNS:localhost", *([f"DNS:{public_host}"] if public_host else [])]
    command = [
        openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256", "-days", "3650", "-subj", "/CN=sandbox",
        "-addext", f"subjectAltName={','.join(names)}",
        "-keyout", str(found.key), "-out", str(found.certificate),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    return found if done.returncode == 0 else None
