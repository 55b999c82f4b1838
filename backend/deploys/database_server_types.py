"""Nouns of the database's server in the cluster: snapshots of its volume, the server itself, and a second one."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from backend.server_address import ServerAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSnapshot:
    """A snapshot of the database's volume. ``error`` is the cluster's own sentence where it failed."""

    name: str
    uid: str
    claim: str
    taken_at: datetime | None
    size: str
    is_ready: bool
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseServer:
    """A server of the database: a StatefulSet of one pod with one claim.

    ``identity`` changes with its specification. ``address`` is the pod's, and None where it is not ready.
    """

    namespace: str
    name: str
    identity: str
    volume: str
    address: ServerAddress | None

    @property
    def pod(self) -> str:
        """The name of its pod."""
        return f"{self.name}-0"

    @property
    def claim(self) -> str:
        """The name of its claim."""
        return f"{self.volume}-{self.name}-0"

    def beside(self, run: str) -> "DatabaseServer":
        """The server that a run makes beside this one, as it is named."""
        name = f"{re.sub('-r[0-9a-f]{8}$', '', self.name)}-r{run}"
        return replace(self, name=name, identity="", address=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveServer:
    """The server that the database's Service leads to. ``service_identity`` changes when the Service is another one."""

    server: DatabaseServer
    service: str
    service_identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondServerNow:
    """A second server on its way: its address once it is ready, else the cluster's words about what it waits for."""

    address: ServerAddress | None
    words: str = ""
