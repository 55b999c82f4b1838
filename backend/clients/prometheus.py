"""Prometheus, through `prometheus-api-client` with its faults mended.

What is mended: warnings and partial answers are failures, queries travel in the body of a POST, times keep their
milliseconds, label values are escaped, every exchange has one deadline, and numbers of tokens stay integers.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from requests.adapters import BaseAdapter

from backend.clients.http import HTTPClient, http_client
from backend.clients.prometheus_access import PrometheusAccess
from backend.clients.prometheus_answers import (
    are_finite,
    are_numbers,
    are_samples,
    complete,
    failure,
    has_labels,
    is_sample,
    listed,
)
from backend.errors import Unavailable

SERVICE = "prometheus"
# 50,000 series with twelve labels each are 25 MB; a day of one start-time series every second is 2 MB.
LARGEST_ANSWER_BYTES = 1024 * 1024 * 1024
OPEN = PrometheusAccess()
"""A server that wants no proof."""
_WHOLE = {
    # Thanos: an error instead of a part, and samples instead of averages of five minutes.
    "partial_response": "false",
    "max_source_resolution": "0s",
    # A cluster of VictoriaMetrics: the same.
    "deny_partial_response": "1",
    # VictoriaMetrics: the very instant that was asked for, also where it is younger than half a minute.
    "nocache": "1",
}
STALE = "NaN"
"""What VictoriaMetrics shows among raw samples where a series ends; Prometheus keeps such marks to itself."""

_SHORTEST_DISTANCE = re.compile(rb'^flag\{name="dedup\.minScrapeInterval", ?value="([^"]*)"', re.MULTILINE)
_CLUSTER_PATH = re.compile(r"/select/[^/]+/prometheus$")
"""The path of queries in a cluster of VictoriaMetrics, whose own metrics lie above it."""
_UNITS_MS = {"h": 3_600_000.0, "m": 60_000.0, "s": 1000.0, "ms": 1.0, "µs": 0.001, "ns": 0.000_001}
_DURATION_PARTS = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|µs|ns|h|m|s)")
_DURATION = re.compile(rf"(?:{_DURATION_PARTS.pattern})+")

Sample = dict[str, Any]


class Prometheus(PrometheusConnect):  # type: ignore[misc] # the library ships no types
    """Client of a Prometheus server. Threads may share it. Never call it inside a transaction."""

    def __init__(
        self, url: str, timeout_s: float, access: PrometheusAccess = OPEN, *, merges_replicas: bool = False
    ) -> None:
        """Name the server; the first query connects. ``merges_replicas`` has Thanos show copies of a series as one.

        Raises:
            Unavailable: a certificate of the access cannot be read.
        """
        self._http = http_client(
            url,
            timeout_s,
            service=SERVICE,
            largest_bytes=LARGEST_ANSWER_BYTES,
            tls=access.tls(),
            sign=access.sign,
        )
        self._manners = _WHOLE | {"dedup": "true" if merges_replicas else "false"}
        self.server = server_name(url)
        session = requests.Session()
        session.trust_env = False
        super().__init__(url=url, session=session, method="POST")
        session.mount(url, _HouseAdapter(self._http, url))
        self.timeout_s = timeout_s

    def close(self) -> None:
        """Close every connection."""
        super().close()
        self._http.close()

    def instant(self, query: str, at_ms: int) -> list[Sample]:
        """The vector of an instant query at a millisecond, complete or not at all.

        ``[{"metric": {...}, "value": [1669072345.38, "123"]}]``
        https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries

        Raises:
            Unavailable: no answer in time, an error, an answer with warnings, or one that is no vector.
        """
        found = self._result(query, at_ms)
        if not all(has_labels(row) and is_sample(row.get("value")) for row in found):
            raise failure("unreadable", self.server)
        if not are_numbers({row["value"][1] for row in found}):
            raise failure("unreadable", self.server)
        return found

    def ranges(self, query: str, at_ms: int) -> list[Sample]:
        """The raw samples of a range selector at a millisecond, complete or not at all; each is a finite number.

        ``[{"metric": {...}, "values": [[1669072345.38, "123"], ...]}]``. The marks that VictoriaMetrics shows where a
        series ends are left out.
        https://prometheus.io/docs/prometheus/latest/querying/api/#range-vectors

        Raises:
            Unavailable: no answer in time, an error, an answer with warnings, or one that is no matrix of numbers.
        """
        found = self._result(query, at_ms)
        if not all(has_labels(row) and are_samples(row.get("values")) for row in found):
            raise failure("unreadable", self.server)
        rows = [{**row, "values": [one for one in row["values"] if one[1] != STALE]} for row in found]
        if not all(are_finite({value for _, value in row["values"]}) for row in rows):
            raise failure("unreadable", self.server)
        return [row for row in rows if row["values"]]

    def _result(self, query: str, at_ms: int) -> list[Any]:
        fields = {"query": query, "time": instant_text(at_ms), "timeout": f"{int(self.timeout_s * 1000)}ms"}
        data = self._ask("POST", "/api/v1/query", fields)
        result = data.get("result") if isinstance(data, dict) else None
        if not isinstance(result, list):
            raise failure("unreadable", self.server)
        return result

    def label_values(self, label: str, selector: str, from_ms: int, until_ms: int) -> list[str]:
        """The values of a label on the series of a selector, from the index: ``["tenant-1", "tenant-2"]``.

        The index knows time by blocks: there may be values that have no sample between the two instants. This
        endpoint takes GET only, unlike those for queries, series and label names: the selector travels in the address.
        https://prometheus.io/docs/prometheus/latest/querying/api/#querying-label-values

        Raises:
            Unavailable: no answer in time, an error, or an answer with warnings.
        """
        fields = {"match[]": selector, "start": instant_text(from_ms), "end": instant_text(until_ms)}
        values = self._ask("GET", f"/api/v1/label/{label}/values", fields)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise failure("unreadable", self.server)
        return values

    def label_names(self, selector: str, from_ms: int, until_ms: int) -> list[str]:
        """The names of the labels of the series of a selector, from the index: ``["__name__", "tenant"]``.

        The index knows time by blocks, as for ``label_values``.
        https://prometheus.io/docs/prometheus/latest/querying/api/#getting-label-names

        Raises:
            Unavailable: no answer in time, an error, or an answer with warnings.
        """
        fields = {"match[]": selector, "start": instant_text(from_ms), "end": instant_text(until_ms)}
        names = self._ask("GET", "/api/v1/labels", fields)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise failure("unreadable", self.server)
        return names

    def matrix(self, query: str, from_ms: int, until_ms: int, step_s: int) -> list[Sample]:
        """The values of a query at every step from a millisecond to another, complete or not at all.

        ``[{"metric": {...}, "values": [[1669072345, "0.07"], ...]}]``; a step without a value is missing.
        https://prometheus.io/docs/prometheus/latest/querying/api/#range-queries

        Raises:
            Unavailable: no answer in time, an error, an answer with warnings, or one that is no matrix.
        """
        fields = {
            "query": query,
            "start": instant_text(from_ms),
            "end": instant_text(until_ms),
            "step": f"{step_s}s",
            "timeout": f"{int(self.timeout_s * 1000)}ms",
        }
        data = self._ask("POST", "/api/v1/query_range", fields)
        result = data.get("result") if isinstance(data, dict) else None
        if not isinstance(result, list) or not all(
            has_labels(row)
            and are_samples(row.get("values"))
            and are_numbers({value for _, value in row["values"]})
            for row in result
        ):
            raise failure("unreadable", self.server)
        return result

    def alerting_rules(self) -> list[dict[str, Any]]:
        """The rules that make alerts, in the order of their files.

        ``[{"name": "HighLatency", "query": "...", "duration": 600, "labels": {...}, "annotations": {...}, ...}]``
        https://prometheus.io/docs/prometheus/latest/querying/api/#rules

        Raises:
            Unavailable: no answer in time, an error, or one that is no list of groups.
        """
        data = self._ask("GET", "/api/v1/rules", {"type": "alert"})
        groups = data.get("groups") if isinstance(data, dict) else None
        if not isinstance(groups, list):
            raise failure("unreadable", self.server)
        rules = (rule for group in groups if isinstance(group, dict) for rule in listed(group, "rules"))
        return [rule for rule in rules if isinstance(rule, dict) and rule.get("type") == "alerting"]

    def shortest_distance_ms(self) -> int | None:
        """The distance below which VictoriaMetrics drops samples of a series; None where a server tells none.

        ``flag{name="dedup.minScrapeInterval", value="1m0s", is_set="true"} 1``. Above the interval of scrapes, the
        last reading before a boundary may be gone, and what is measured is short.
        https://docs.victoriametrics.com/#deduplication
        """
        # What lies above the path of the server may be somebody else's, who must not get our token.
        base = _CLUSTER_PATH.sub("", self.url.rstrip("/"))
        try:
            answer = self._http.request("GET", f"{base}/metrics")
        except Unavailable:
            return None
        found = _SHORTEST_DISTANCE.search(answer.body) if answer.status == requests.codes.ok else None
        return milliseconds_of(found[1].decode()) or None if found else None

    def _ask(self, method: str, path: str, fields: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
        asked = {**self._manners, **fields}
        in_body = {"data": asked} if method == "POST" else {"params": asked}
        try:
            answer = self._session.request(method, f"{self.url}{path}", allow_redirects=False, **in_body)
        except Unavailable as lost:
            raise failure(str(lost.data["cause"]), self.server) from None
        return complete(answer.content, answer.status_code, self.server)


class _HouseAdapter(BaseAdapter):
    """Lets the library's session speak through the house's one way out, which keeps the deadline."""

    def __init__(self, client: HTTPClient, base_url: str) -> None:
        super().__init__()
        self._client = client
        self._base_url = base_url

    def send(self, request: requests.PreparedRequest, **_options: object) -> requests.Response:  # type: ignore[override] # the house decides timeouts and certificates
        path = (request.url or "").removeprefix(self._base_url)
        body = request.body if isinstance(request.body, str) else None
        told = self._client.request(request.method or "GET", path, form=body)
        answer = requests.Response()
        answer.status_code = told.status
        answer.request = request
        answer.url = request.url or ""
        answer._content = told.body  # noqa: SLF001 - the way adapters of tests and caches fill a response
        return answer

    def close(self) -> None:
        self._client.close()


def server_name(url: str) -> str:
    """A server as people name it: host and port, with a path if it has one; nothing that might be secret."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname}{port}{parts.path.rstrip('/')}"


def quoted(value: str) -> str:
    """Any label value as a PromQL string."""
    told = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    # Prometheus takes a replacement character for bytes that are no UTF-8, unless it is written as an escape.
    return '"' + told.replace("\ufffd", "\\ufffd") + '"'


def instant_text(at_ms: int) -> str:
    """A millisecond the way Prometheus reads times: ``1669072345.380``."""
    return f"{at_ms // 1000}.{at_ms % 1000:03d}"


def milliseconds_of(duration: str) -> int:
    """A duration as Go writes it: ``"1m0.5s"`` is 60,500, and what is none is 0."""
    parts = _DURATION_PARTS.findall(duration) if _DURATION.fullmatch(duration) else []
    return round(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))


def whole(value: str) -> int:
    """A counter's value as the integer that it is; ``"1e+06"`` is a million.

    Raises:
        Unavailable: the value is no finite number.
    """
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return round(float(value))
    except (ValueError, OverflowError):
        raise Unavailable(service=SERVICE, cause="unreadable") from None
