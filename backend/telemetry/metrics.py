"""Every metric by name, and the only functions that move them."""

from collections.abc import Iterable
from enum import StrEnum

from prometheus_client import Counter, Histogram, disable_created_metrics

from backend.telemetry.start_time import announce_start_time

# A `_created` series beside each child doubles what Prometheus stores of the one metric with a tenant label.
# process_start_time_seconds, exported once per process, tells when the counters started.
disable_created_metrics()


class TokenType(StrEnum):
    """The values of the label `type`. Cached prompt tokens are not contained in `prompt`."""

    PROMPT = "prompt"
    CACHED_PROMPT = "cached_prompt"
    COMPLETION = "completion"


class RequestOutcome(StrEnum):
    """Outcome of a request to the vendor; the values of the labels `outcome` and `reason`."""

    OK = "ok"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    INTERRUPTED = "interrupted"
    ABANDONED = "abandoned"
    UNREADABLE = "unreadable"


TOKENS = Counter(
    "openai_tokens_total",
    "Tokens used, from the answers' usage. Types: prompt (without cached), cached_prompt, completion.",
    ["tenant", "model", "type"],
)
REQUESTS = Counter(
    "openai_request_total",
    "Requests to OpenAI by how they ended; model is the one that answered, else the one that was asked.",
    ["tenant", "model", "outcome"],
)
USAGE_MISSING = Counter(
    "openai_usage_missing_total",
    "Answers that told no usage or not all of it, streams that ended before it, and requests left before their answer:"
    " the tokens that were not told are in no counter and never estimated.",
    ["tenant", "model"],
)
FALLBACKS = Counter(
    "ml_fallback_total",
    "Switches to the next model of the chain, by reason.",
    ["from_model", "to_model", "reason"],
)
ALERT_SUMMARIES = Counter(
    "alert_summary_total",
    "Wordings of alerts by what is shown: llm or fallback, and why.",
    ["source", "reason"],
)
RAG_QUERIES = Counter("rag_query_total", "Questions answered from documents.")
DOCUMENT_CHUNKS = Counter("document_chunks_total", "Document chunks that were embedded and stored.")
SCRAPES = Counter(
    "metrics_scrape_total",
    "Scrapes that were answered, by the token that they had: current or previous.",
    ["token"],
)
HTTP_REQUESTS = Histogram(
    "http_request_duration_seconds",
    "Time from a request's arrival to the last byte of its answer; of a stream, to its beginning.",
    ["method", "route", "status"],
    # An answer of a model takes tens of seconds; the library's default ends at ten. The alert HighLatency draws its
    # line at 2.0: a quantile inside a wider bucket is a guess.
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)

announce_start_time()


def register_tenants(
    tenants: Iterable[str],
    *,
    models: Iterable[str],
    embedding_models: Iterable[str] = (),
) -> None:
    """Create every child of the known tenants at zero. Idempotent; counts that exist are left alone.

    A child that appears with its first tokens already in it looks like a reset to `increase()`; at zero it does not.
    Call it at start and whenever a tenant is created. An embedding model has only `prompt` tokens.
    """
    chat, embedding = tuple(models), tuple(embedding_models)
    for tenant in tenants:
        for model in chat:
            for kind in TokenType:
                TOKENS.labels(tenant, model, kind)
        for model in embedding:
            TOKENS.labels(tenant, model, TokenType.PROMPT)
        for model in (*chat, *embedding):
            REQUESTS.labels(tenant, model, RequestOutcome.OK)
            USAGE_MISSING.labels(tenant, model)


def count_tokens(tenant: str, model: str, kind: TokenType, tokens: int) -> None:
    """Add tokens of one type that `model` answered with."""
    TOKENS.labels(tenant, model, kind).inc(tokens)


def count_request(tenant: str, model: str, outcome: RequestOutcome) -> None:
    """Add one request; each model of a chain that was tried counts for itself."""
    REQUESTS.labels(tenant, model, outcome).inc()


def count_usage_missing(tenant: str, model: str) -> None:
    """Count a request whose tokens are unknown, all or some."""
    USAGE_MISSING.labels(tenant, model).inc()


def count_fallback(from_model: str, to_model: str, reason: RequestOutcome) -> None:
    """Add one switch to the next model of the chain."""
    FALLBACKS.labels(from_model, to_model, reason).inc()


def count_alert_summary(source: str, reason: str) -> None:
    """Add one question for a wording, by what came of it."""
    ALERT_SUMMARIES.labels(source, reason).inc()


def count_rag_query() -> None:
    """Add one question answered from documents."""
    RAG_QUERIES.inc()


def count_document_chunks(chunks: int) -> None:
    """Add chunks that were embedded and stored."""
    DOCUMENT_CHUNKS.inc(chunks)


def count_scrape(token: str) -> None:
    """Count an answered scrape: by the `current` token or the `previous` one."""
    SCRAPES.labels(token=token).inc()
