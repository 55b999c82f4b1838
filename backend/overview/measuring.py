"""Golden signals and tokens from Prometheus, in a few queries with one short deadline for each."""

import math
from datetime import datetime

from backend.clients.prometheus import Prometheus, Sample, prometheus
from backend.config import settings
from backend.overview.types import Fullness, Measures

TIMEOUT_S = 2.0

_ASKED = 'job="docuchat",route!~"/(metrics|health|healthz|readyz|ping)"'
_REQUESTS = f"sum(rate(http_request_duration_seconds_count{{{_ASKED}}}[5m]))"
_ERRORS = f'sum(rate(http_request_duration_seconds_count{{{_ASKED},status=~"5.."}}[5m]))'
_P95 = (
    "histogram_quantile(0.95, sum by (le)"
    f' (rate(http_request_duration_seconds_bucket{{{_ASKED},status!~"5.."}}[5m])))'
)
_FALLBACKS = "sum(rate(ml_fallback_total[5m]))"
_ANSWERS = "sum(rate(openai_request_total[5m]))"
_PROCESSES = 'sum(up{job="docuchat"})'
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
_TOKENS = "(sum(rate(openai_tokens_total[2m])) * 60)[1h:2m]"


def measure(now: datetime) -> Measures:
    """The golden signals of DocuChat, its share of fallbacks, and its tokens by the minute. Asks Prometheus.

    Raises:
        Unavailable: Prometheus did not answer, or not completely.
    """
    client, at_ms = prometheus(settings().prometheus_url, TIMEOUT_S), round(now.timestamp() * 1000)
    requests, errors = _value(client, _REQUESTS, at_ms), _value(client, _ERRORS, at_ms)
    answers, fallbacks = _value(client, _ANSWERS, at_ms), _value(client, _FALLBACKS, at_ms)
    return Measures(
        requests_per_s=requests,
        error_share=_share(errors, requests),
        p95_s=_value(client, _P95, at_ms),
        fallback_share=_share(fallbacks, answers),
        fullness=tuple(
            Fullness(name=name, share=share)
            for name, query in _FULLNESS.items()
            if (share := _value(client, query, at_ms)) is not None
        ),
        tokens_per_min=_points(client.ranges(_TOKENS, at_ms)),
        processes=round(_value(client, _PROCESSES, at_ms) or 0),
    )


def _value(client: Prometheus, query: str, at_ms: int) -> float | None:
    """The largest value of an answer; None where nothing was measured."""
    found = [float(row["value"][1]) for row in client.instant(query, at_ms)]
    return max((value for value in found if math.isfinite(value)), default=None)


def _share(part: float | None, whole: float | None) -> float | None:
    """A part of a whole; of nothing there is no share. A part that was never counted is none of it."""
    return (part or 0.0) / whole if whole else None


def _points(found: list[Sample]) -> tuple[float, ...]:
    return tuple(float(value) for row in found[:1] for _, value in row["values"])
