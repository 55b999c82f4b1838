"""Names and docstrings as rules: retired words, types that share a name, and docstrings that do not promise."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tests.guards.rules import Functions, Source, parsed

# Words that a term of the field replaced; what is written here is the whole name, without leading underscores.
RETIRED = {
    "judge": "reconcile",
    "judge_again": "reconcile_attempt",
    "judge_service": "reconcile_service",
    "judge_types": "reconcile_types",
    "judged": "reconciled",
    "judgement": "reconciliation",
    "turn": "settlement_no",
    "Said": "SessionStatus",
    "State": "AttemptState",
    "Status": "InvoiceStatus, GatewayStatus",
    "Verdict": "AttemptVerdict, DeliveryResult",
    "Outcome": "ReturnOutcome, DeliveryStatus, RequestOutcome",
    "Flag": "PaymentFlag, UsageFlag",
    "Reading": "MeterReading, ParsedAnswer",
    "Column": "TableColumn, ChartColumn",
    "Evidence": "GatewayEvidence, PaymentEvidence",
    "Event": "AttemptEvent, AuditEvent",
    "Entry": "LedgerEntry, AuditEntry",
    "Answer": "HTTPResponse, Completion, OpenAttemptAction",
    "Asked": "ReconcileResult, ModelRequest, ReadingPurpose",
    "Detail": "InvoiceDetailView, EventDetailRow",
    "Question": "ReadingQuery, ChatQuestion",
    "Session": "UserSession, GatewaySession",
    "Told": "TargetReadings, OpenPayment",
    "Meter": "BilledTotal",
    "NO_METER": "NOTHING_BILLED",
    "gate": "socket_filter",
    "Gate": "SocketFilter",
    "page_gate": "page_access",
    "PageGate": "PageAccess",
    "errand": "task_owner",
    "errands": "task_owner",
    "Errand": "TaskOwner",
    "lane": "pool",
    "Lane": "ThreadPool",
    "letter": "rendered, character",
    "letters": "mail_rendering, characters",
    "Letter": "RenderedMail",
    "letter_of": "render",
    "house_health": "business_metrics",
    "HouseHealth": "BusinessMetrics",
    "play_money": "sandbox_gateway",
    "is_play_money": "is_sandbox_gateway",
    "drawing": "chart_layout",
    "Buckets": "RateLimiter",
    "has_left": "try_acquire",
}

_ASKS = re.compile(
    r"(?:what|whatever|who|whoever|whom|whose|which|how|where|when|why|one|ones|those|these|some(?:body|thing))\b",
    re.IGNORECASE,
)
_IS_TYPE = re.compile(r"_?[A-Z][A-Za-z]*[a-z][A-Za-z]*")


def retired_names(source: Source) -> list[str]:
    """Definitions and modules that bear a retired name. Names that are only used belong to somebody else."""
    stem = source.path.rpartition("/")[2].removesuffix(".py")
    found = [(stem, 1), *_defined(parsed(source.text))]
    if stem == "reading" and source.path.startswith("portal/"):
        return [f"{source.path} is called queries now"]
    return [
        f"{name} at line {line}: {RETIRED[whole]}"
        for name, line in found
        if (whole := name.lstrip("_")) in RETIRED
    ]


def _defined(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name, node.lineno
            case ast.arg():
                yield node.arg, node.lineno
            case ast.Name(ctx=ast.Store()):
                yield node.id, node.lineno
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno


def shared_names(files: Iterable[Source]) -> dict[str, list[str]]:
    """Types, by name, that more than one module defines: classes, and what a module assigns to a type's name."""
    found: dict[str, set[str]] = defaultdict(set)
    for source in files:
        tree = parsed(source.text)
        names = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        assigned = (node for node in tree.body if isinstance(node, ast.Assign))
        names += [
            each.id
            for node in assigned
            for each in node.targets
            if isinstance(each, ast.Name) and _IS_TYPE.fullmatch(each.id)
        ]
        for name in names:
            found[name].add(source.path)
    return {name: sorted(paths) for name, paths in found.items() if len(paths) > 1}


def asking_docstrings(source: Source) -> list[str]:
    """Docstrings that open like a question or with a word for anything: a docstring is a promise."""
    return [
        f"{getattr(node, 'name', 'the module')} at line {getattr(node, 'lineno', 1)}"
        for node in ast.walk(parsed(source.text))
        if isinstance(node, ast.Module | ast.ClassDef | Functions)
        and _ASKS.match(ast.get_docstring(node) or "")
    ]
