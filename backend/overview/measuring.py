"""Golden signals and tokens from Prometheus, in a few queries with one short deadline for each."""

import math
from datetime import datetime

from backend.clients.prometheus import Sample
from backend.clients.prometheus_servers import PrometheusClient, PrometheusServers, prometheus
from backend.config import settings
from backend.overview.types import Fullness, Measures

TIMEOUT_S = 2.0

_ASKED = 'job="docuchat",route!~"/(metrics|health|healthz|readyz|ping)"'
# By instance: several servers may watch the same one, and it counts once.
_REQUESTS = f"sum by (instance) (rate(http_request_duration_seconds_count{{{_ASKED}}}[5m]))"
_ERRORS = f'sum by (instance) (rate(http_request_duration_seconds_count{{{_ASKED},status=~"5.."}}[5m]))'
_P95 = (
    "histogram_quantile(0.95, sum by (le)"
    f' (rate(http_request_duration_seconds_bucket{{{_ASKED},status!~"5.."}}[5m])))'
)
_FALLBACKS = "sum by (instance) (rate(ml_fallback_total[5m]))"
_ANSWERS = "sum by (instance) (rate(openai_request_total[5m]))"
_PROCESSES = 'sum by (instance) (up{job="docuchat"})'
# What the cluster's own exporters tell, where there are any.
_FULLNESS = {
    "autoscaler": (
        "max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas"
        " / kube_horizontalpodautoscaler_spec_max_replicas)"
    ),
    "volume": "max(1 - kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes)",
    "open_files": 'max(process_open_fds{job="docuchat"} / process_max_fds{job="docuchat"})',
}
# Thirty points of two minutes; each looks back for as long as it stands for.
_TOKENS = "(sum by (instance) (rate(openai_tokens_total[2m])) * 60)[1h:2m]"


def measure(now: datetime) -> Measures:
    """The golden signals of DocuChat, its share of fallbacks, and its tokens by the minute. Asks Prometheus.

    Of several servers the slowest p95 and the fullest resource are told, with the server that tells it.

    Raises:
        Unavailable: a server did not answer, or not completely.
    """
    client, at_ms = prometheus(settings(), TIMEOUT_S, merges_replicas=True), round(now.timestamp() * 1000)
    p95_s, p95_server = _largest(client, _P95, at_ms) or (None, "")
    requests, errors = _total(client, _REQUESTS, at_ms), _total(client, _ERRORS, at_ms)
    answers, fallbacks = _total(client, _ANSWERS, at_ms), _total(client, _FALLBACKS, at_ms)
    return Measures(
        requests_per_s=requests,
        error_share=_share(errors, requests),
        p95_s=p95_s,
        p95_server=p95_server,
        fallback_share=_share(fallbacks, answers),
        fullness=tuple(
            Fullness(name=name, share=found[0], server=found[1])
            for name, query in _FULLNESS.items()
            if (found := _largest(client, query, at_ms)) is not None
        ),
        tokens_per_min=_points(client.ranges(_TOKENS, at_ms)),
        processes=round(_total(client, _PROCESSES, at_ms) or 0),
    )


def _largest(client: PrometheusClient, query: str, at_ms: int) -> tuple[float, str] | None:
    """The largest value of an answer, and which of several servers tells it; None where nothing was measured."""
    # The rows of several servers name theirs in the replica label.
    label = settings().usage_replica_label if isinstance(client, PrometheusServers) else ""
    found = [(float(row["value"][1]), row["metric"].get(label, "")) for row in client.instant(query, at_ms)]
    return max(((value, server) for value, server in found if math.isfinite(value)), default=None)


def _total(client: PrometheusClient, query: str, at_ms: int) -> float | None:
    """The sum over instances, of each the largest value that a server tells; None where nothing was measured."""
    largest: dict[str, float] = {}
    for row in client.instant(query, at_ms):
        _keep_largest(largest, row["metric"].get("instance", ""), float(row["value"][1]))
    return sum(largest.values()) if largest else None


def _keep_largest(largest: dict[str, float], instance: str, value: float) -> None:
    if math.isfinite(value):
        largest[instance] = max(value, largest.get(instance, value))


def _share(part: float | None, whole: float | None) -> float | None:
    """A part of a whole; of nothing there is no share. A part that was never counted is none of it."""
    return (part or 0.0) / whole if whole else None


def _points(found: list[Sample]) -> tuple[float, ...]:
    """The sum over instances at each instant, the oldest first."""
    at: dict[float, dict[str, float]] = {}
    for row in found:
        for instant, value in row["values"]:
            _keep_largest(at.setdefault(instant, {}), row["metric"].get("instance", ""), float(value))
    return tuple(sum(each.values()) for _, each in sorted(at.items()))
