"""Who uses how many tokens of which model, and whether each of them is seen."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from backend.telemetry.metrics import (
    DOCUMENT_CHUNKS,
    RAG_QUERIES,
    REQUESTS,
    TOKENS,
    USAGE_MISSING,
    RequestOutcome,
    TokenType,
)
from delivery.dashboards.parts import WIDE, Limits, Query, Row, chooser, curve, figure, made, name_of, ranking

_TOKENS, _REQUESTS, _MISSING = name_of(TOKENS), name_of(REQUESTS), name_of(USAGE_MISSING)
_WEEK = "tenant:openai_tokens:rate7d"
_CHOSEN = 'tenant=~"$tenant",model=~"$model"'
_RATE = f"rate({_TOKENS}{{{_CHOSEN}}}[$__rate_interval])"
_DAY = f"increase({_TOKENS}{{{_CHOSEN}}}[1d])"


def board() -> Dashboard:
    """The dashboard."""
    return made(
        "docuchat-tokens",
        "Token usage",
        "Who uses how many tokens of which model. Invoices are not made from these curves, which round between"
        " scrapes, but from the counters' own readings.",
        [_now(), _over_time(), _day(), _seen()],
        choosers=[
            chooser("tenant", "Company", f"label_values({_TOKENS}, tenant)"),
            chooser("model", "Model", f"label_values({_TOKENS}, model)"),
        ],
        pages=[("Companies", "/companies"), ("Invoices", "/all-invoices"), ("Billing", "/billing")],
    )


def _now() -> Row:
    prompt = f'{{{_CHOSEN},type=~"{TokenType.PROMPT}|{TokenType.CACHED_PROMPT}"}}'
    cached = f'{{{_CHOSEN},type="{TokenType.CACHED_PROMPT}"}}'
    return Row(
        title="Now",
        panels=[
            figure("Tokens, last day", "Of the chosen companies and models.", Query(expr=f"sum({_DAY})")),
            figure("Tokens a second", "At present.", Query(expr=f"sum(rate({_TOKENS}{{{_CHOSEN}}}[5m]))")),
            figure(
                "Companies at work",
                "Those that used a token within the last day.",
                Query(expr=f"count(sum by (tenant) ({_DAY}) > 0) or vector(0)"),
            ),
            figure(
                "Questions a minute",
                "Answered from documents, by all companies.",
                Query(expr=f"60 * sum(rate({name_of(RAG_QUERIES)}[5m]))"),
            ),
            figure(
                "Cached prompts",
                "Share of the prompt tokens of the last hour that the provider had cached; they may cost less.",
                Query(expr=_share(f"increase({_TOKENS}{cached}[1h])", f"increase({_TOKENS}{prompt}[1h])")),
                unit="percentunit",
            ),
            figure(
                "Answers without usage",
                "Share of the requests of half an hour whose tokens nobody knows (UsageMissing above 5 %).",
                Query(
                    expr=_share(f"rate({_MISSING}{{{_CHOSEN}}}[30m])", f"rate({_REQUESTS}{{{_CHOSEN}}}[30m])")
                ),
                unit="percentunit",
                limits=Limits(look=0.01, bad=0.05),
            ),
        ],
    )


def _over_time() -> Row:
    lately = f"sum by (tenant) (rate({_TOKENS}{{{_CHOSEN}}}[30m]))"
    week = f'max by (tenant) (last_over_time({_WEEK}{{tenant=~"$tenant"}}[1h]))'
    return Row(
        title="Over time",
        panels=[
            curve(
                "Tokens a second by company",
                "The ten that use most.",
                Query(expr=f"topk(10, sum by (tenant) ({_RATE}))", legend="{{tenant}}"),
                is_stacked=True,
            ),
            curve(
                "Tokens a second by model",
                "The model that answered, not the one that was asked.",
                Query(expr=f"sum by (model) ({_RATE})", legend="{{model}}"),
                is_stacked=True,
            ),
            curve(
                "Tokens a second by type",
                "Cached prompt tokens are not contained in prompt.",
                Query(expr=f"sum by (type) ({_RATE})", legend="{{type}}"),
                is_stacked=True,
            ),
            curve(
                "Against the own week",
                "How many times as fast as in its last week a company uses tokens (TokenConsumptionSpike above 5).",
                Query(expr=f"topk(10, {lately} / ({week} > 0))", legend="{{tenant}}"),
                limits=Limits(look=3, bad=5),
            ),
        ],
    )


def _day() -> Row:
    return Row(
        title="Last day",
        panels=[
            ranking(
                "Companies",
                "Tokens of the last day, the fifteen largest.",
                Query(expr=f"sort_desc(topk(15, sum by (tenant) ({_DAY})))", legend="{{tenant}}"),
            ),
            ranking(
                "Models",
                "Tokens of the last day by model and type.",
                Query(expr=f"sort_desc(sum by (model, type) ({_DAY}))", legend="{{model}} {{type}}"),
            ),
        ],
    )


def _seen() -> Row:
    failed = f'{{{_CHOSEN},outcome!~"{RequestOutcome.OK}|{RequestOutcome.ABANDONED}"}}'
    return Row(
        title="What may be missing",
        panels=[
            curve(
                "Requests that failed",
                "By model and outcome. A failed request has no tokens.",
                Query(
                    expr=f"sum by (model, outcome) (rate({_REQUESTS}{failed}[$__rate_interval])) or vector(0)",
                    legend="{{model}} {{outcome}}",
                ),
                unit="reqps",
            ),
            curve(
                "Unknown usage by company",
                "Their tokens are in no counter and on no invoice.",
                Query(
                    expr=f"sum by (tenant) (rate({_MISSING}{{{_CHOSEN}}}[$__rate_interval]))",
                    legend="{{tenant}}",
                ),
                unit="reqps",
            ),
            curve(
                "Document chunks a minute",
                "Passages that were embedded and stored.",
                Query(expr=f"60 * sum(rate({name_of(DOCUMENT_CHUNKS)}[$__rate_interval]))", legend="chunks"),
                span=WIDE,
            ),
        ],
    )


def _share(part: str, whole: str) -> str:
    """A share of something; of nothing it is zero."""
    return f"(sum({part}) / (sum({whole}) > 0)) or vector(0)"
