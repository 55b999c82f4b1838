"""Several measuring servers that share the work, asked as if they were one. All of them answer, or none has.

Two servers may watch the same process (a pair for safety, or a boundary that moved): their series are told apart by
the replica label, which each row of an answer gets here, so that measuring counts such copies once.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from backend.clients.prometheus import Prometheus, Sample
from backend.clients.prometheus_access import PrometheusAccess, accesses
from backend.config import UsageSettings

T = TypeVar("T")


class PrometheusServers:
    """Client of several servers. Threads may share it. Never call it inside a transaction."""

    def __init__(self, servers: Sequence[Prometheus], replica_label: str) -> None:
        """Name the servers, and the label that tells copies of one series apart."""
        self.servers = tuple(servers)
        self._replica_label = replica_label

    def close(self) -> None:
        """Close every connection."""
        for server in self.servers:
            server.close()

    def instant(self, query: str, at_ms: int) -> list[Sample]:
        """The vectors of all servers. See ``Prometheus.instant``; a query that sums does so for each server alone."""
        return self._rows(lambda server: server.instant(query, at_ms))

    def ranges(self, query: str, at_ms: int) -> list[Sample]:
        """The raw samples of all servers. See ``Prometheus.ranges``."""
        return self._rows(lambda server: server.ranges(query, at_ms))

    def matrix(self, query: str, from_ms: int, until_ms: int, step_s: int) -> list[Sample]:
        """The values at every step of all servers. See ``Prometheus.matrix``."""
        return self._rows(lambda server: server.matrix(query, from_ms, until_ms, step_s))

    def label_values(self, label: str, selector: str, from_ms: int, until_ms: int) -> list[str]:
        """The values that any server knows, each once. See ``Prometheus.label_values``."""
        found = self._each(lambda server: server.label_values(label, selector, from_ms, until_ms))
        return sorted({value for values in found for value in values})

    def label_names(self, selector: str, from_ms: int, until_ms: int) -> list[str]:
        """The names that any server knows, each once. See ``Prometheus.label_names``."""
        found = self._each(lambda server: server.label_names(selector, from_ms, until_ms))
        return sorted({name for names in found for name in names})

    def alerting_rules(self) -> list[dict[str, Any]]:
        """The rules of all servers, in their order. See ``Prometheus.alerting_rules``."""
        return [rule for rules in self._each(lambda server: server.alerting_rules()) for rule in rules]

    def shortest_distance_ms(self) -> int | None:
        """The greatest that a server tells. See ``Prometheus.shortest_distance_ms``."""
        told = self._each(lambda server: server.shortest_distance_ms())
        return max((each for each in told if each is not None), default=None)

    def _rows(self, ask: Callable[[Prometheus], list[Sample]]) -> list[Sample]:
        found = []
        for server, rows in zip(self.servers, self._each(ask), strict=True):
            for row in rows:
                labels = row["metric"]
                copy = labels.get(self._replica_label)
                labels[self._replica_label] = server.server if copy is None else f"{server.server}/{copy}"
            found += rows
        return found

    def _each(self, ask: Callable[[Prometheus], T]) -> list[T]:
        """The answers in the order of the servers. The first failure is the failure of all."""
        with ThreadPoolExecutor(len(self.servers)) as threads:
            asked = [threads.submit(copy_context().run, ask, server) for server in self.servers]
            return [each.result() for each in asked]


PrometheusClient = Prometheus | PrometheusServers

_clients: dict[tuple[object, ...], Prometheus] = {}


def prometheus(
    given: UsageSettings, timeout_s: float | None = None, *, merges_replicas: bool = False
) -> PrometheusClient:
    """The client of the servers of the settings; it keeps its connections.

    ``merges_replicas`` is for what people look at: copies of a series are shown as one where the server can do that.
    A bill is read from each copy by itself.

    Raises:
        Unavailable: a certificate of the settings cannot be read.
    """
    servers = each_server(given, timeout_s, merges_replicas=merges_replicas)
    return servers[0] if len(servers) == 1 else PrometheusServers(servers, given.usage_replica_label)


def each_server(
    given: UsageSettings, timeout_s: float | None = None, *, merges_replicas: bool = False
) -> list[Prometheus]:
    """A client for each server of the settings, in their order. Raises as ``prometheus`` does."""
    waits_s = given.prometheus_timeout_s if timeout_s is None else timeout_s
    return [
        _client(url, waits_s, access, merges_replicas=merges_replicas)
        for url, access in zip(given.prometheus_url, accesses(given), strict=True)
    ]


def _client(url: str, timeout_s: float, access: PrometheusAccess, *, merges_replicas: bool) -> Prometheus:
    key = (url, timeout_s, access, access.age(), merges_replicas)
    known = _clients.get(key)
    return known or _clients.setdefault(
        key, Prometheus(url, timeout_s, access, merges_replicas=merges_replicas)
    )


def close_all() -> None:
    """Close the connections of every client; the next use opens new ones."""
    while _clients:
        _clients.popitem()[1].close()
