"""PostgreSQL's image as the emulator runs it: the binaries of the laptop's own server, on the pod's address."""

import signal

from backend.sandbox.kubernetes.real_containers import RealImage
from backend.sandbox.postgres import THROWAWAY, binaries, server_account

NAME = "docker.io/library/postgres"


def postgres_image() -> RealImage:
    """The way to run it. The data lie in the claim that the container mounts; nothing is made there."""
    settings = {
        **THROWAWAY,
        "synchronous_commit": "on",  # else a snapshot would lack what was committed a moment ago
        "listen_addresses": "{ip}",
        "port": "{port}",
        "unix_socket_directories": "",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    folder = binaries()
    return RealImage(
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        entrypoint=(str(folder / "postgres"), "-D", "{volume}", *options),
        probe=(str(folder / "pg_isready"), "-q", "-h", "{ip}", "-p", "{port}"),
        account=server_account(),
        stop_signal=signal.SIGINT,
        forgets=("postmaster.pid",),
    )
