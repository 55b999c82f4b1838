"""Whether DocuChat and the portal answer, how fast, and what hinders them."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from backend.telemetry.metrics import FALLBACKS, HTTP_REQUESTS, REQUESTS
from delivery.dashboards.parts import WIDE, Limits, Query, Row, chooser, curve, figure, made, name_of

_HTTP, _OPENAI, _FALLBACKS = name_of(HTTP_REQUESTS), name_of(REQUESTS), name_of(FALLBACKS)
# Probes and scrapes are nobody's requests; as in the alerts.
_NOBODYS = 'route!~"/(metrics|health|healthz|readyz|ping|api/v1/metrics)"'
_PEOPLE = f'{_NOBODYS},job=~"$job"'
_ERROR = ',status=~"5.."'
_EVERY_PROCESS = "{{job}} {{instance}}"


def board() -> Dashboard:
    """The dashboard."""
    return made(
        "docuchat-backend",
        "Backend overview",
        "Whether DocuChat and the portal answer, how fast, and what hinders them.",
        [_now(), _requests(), _provider(), _processes()],
        choosers=[chooser("job", "Process kind", "label_values(up, job)")],
        pages=[("Alerts", "/alerts"), ("Overview", "/overview"), ("Deploys", "/deploys")],
    )


def _now() -> Row:
    failing = Limits(look=0.01, bad=0.05)
    firing = 'count(ALERTS{alertstate="firing",severity!="none"}) or vector(0)'
    return Row(
        title="Now",
        panels=[
            figure(
                "DocuChat processes",
                "Processes that answer Prometheus. None: nobody can ask a question (DocuChatDown).",
                Query(expr='sum(up{job="docuchat"}) or vector(0)'),
                limits=Limits(look=2, bad=1),
            ),
            figure(
                "Portal processes",
                "None: nobody can sign in or pay (PortalDown).",
                Query(expr='sum(up{job="portal"}) or vector(0)'),
                limits=Limits(look=1, bad=0.5),
            ),
            figure(
                "DocuChat, failed requests",
                "Share of requests with a 5xx status within five minutes (HighErrorRate above 5 %).",
                _failures("docuchat"),
                unit="percentunit",
                limits=failing,
            ),
            figure(
                "Portal, failed requests",
                "Share of requests with a 5xx status within five minutes (HighErrorRate above 5 %).",
                _failures("portal"),
                unit="percentunit",
                limits=failing,
            ),
            figure(
                "Database",
                "1 where every portal process reaches it (PortalDatabaseLost).",
                Query(expr="min(portal_database_up)"),
                limits=Limits(look=1, bad=0.5),
            ),
            figure(
                "Firing alerts",
                "Without the heartbeat. The portal shows what they mean.",
                Query(expr=firing),
                limits=Limits(look=1, bad=3),
            ),
        ],
    )


def _requests() -> Row:
    seconds = f"sum by (job, route) (rate({_HTTP}_sum{{{_PEOPLE}}}[$__rate_interval]))"
    slowest = f"topk(10, {seconds} / (sum by (job, route) ({_rate()}) > 0))"
    return Row(
        title="Requests",
        panels=[
            curve(
                "Requests a second",
                "By kind of process and status; probes and scrapes are left out.",
                Query(expr=f"sum by (job, status) ({_rate()})", legend="{{job}} {{status}}"),
                unit="reqps",
                is_stacked=True,
            ),
            curve(
                "Time to answer",
                "To the last byte; of a stream, to its beginning. HighLatency: one in twenty takes longer than 2 s.",
                _quantile("0.50"),
                _quantile("0.95"),
                unit="s",
                limits=Limits(look=1, bad=2),
            ),
            curve(
                "Slowest routes",
                "Mean time to answer of the ten slowest routes.",
                Query(expr=slowest, legend="{{job}} {{route}}"),
                unit="s",
            ),
            curve(
                "Failed requests a second",
                "By route; an error a minute is no outage.",
                Query(expr=f"sum by (job, route) ({_rate(_ERROR)}) or vector(0)", legend="{{job}} {{route}}"),
                unit="reqps",
            ),
        ],
    )


def _provider() -> Row:
    switches = f"sum by (from_model, reason) (rate({_FALLBACKS}[$__rate_interval]))"
    return Row(
        title="Model provider",
        panels=[
            curve(
                "Requests to the provider",
                "By how they ended; abandoned ones were left by the reader.",
                Query(expr=f"sum by (outcome) (rate({_OPENAI}[$__rate_interval]))", legend="{{outcome}}"),
                unit="reqps",
                is_stacked=True,
            ),
            curve(
                "Answers of the spare model",
                "Switches to the next model of the chain, by reason (ExcessiveMLFallbacks).",
                Query(expr=f"{switches} or vector(0)", legend="{{from_model}} {{reason}}"),
                unit="reqps",
            ),
        ],
    )


def _processes() -> Row:
    cpu = 'rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval])'
    return Row(
        title="Processes",
        panels=[
            curve(
                "CPU",
                "Cores in use.",
                Query(expr=f"sum by (job, instance) ({cpu})", legend=_EVERY_PROCESS),
            ),
            curve(
                "Memory",
                "Resident memory.",
                Query(
                    expr='sum by (job, instance) (process_resident_memory_bytes{job=~"$job"})',
                    legend=_EVERY_PROCESS,
                ),
                unit="bytes",
            ),
            curve(
                "Age",
                "A line that falls is a start. Many within half an hour: ProcessRestartsOften.",
                Query(
                    expr='time() - max by (job, instance) (process_start_time_seconds{job=~"$job"})',
                    legend=_EVERY_PROCESS,
                ),
                unit="s",
                span=WIDE,
            ),
        ],
    )


def _rate(selector: str = "") -> str:
    return f"rate({_HTTP}_count{{{_PEOPLE}{selector}}}[$__rate_interval])"


def _quantile(share: str) -> Query:
    buckets = f'rate({_HTTP}_bucket{{{_PEOPLE},status!~"5.."}}[$__rate_interval])'
    return Query(
        expr=f"histogram_quantile({share}, sum by (job, le) ({buckets}))",
        legend=f"{{{{job}}}} p{share[2:]}",
        has_exemplars=True,
    )


def _failures(job: str) -> Query:
    failed, every = (
        f'sum(rate({_HTTP}_count{{{_NOBODYS},job="{job}"{which}}}[5m]))' for which in (_ERROR, "")
    )
    # Without a request nothing failed.
    return Query(expr=f"(({failed} or vector(0)) / ({every} > 0)) or vector(0)")
