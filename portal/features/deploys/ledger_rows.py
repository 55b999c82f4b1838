"""Lines of the ledger beside a rollout: who brought it, when, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.deploys.ledger_types import DeployRecord, DeployResult, RolloutTrace
from backend.deploys.types import WorkloadDetail
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal import routes

_SHORT_COMMIT = 12
_TONES = {
    DeployResult.RUNNING: "info",
    DeployResult.SUCCEEDED: "ok",
    DeployResult.FAILED: "bad",
    DeployResult.ROLLED_BACK: "bad",
    DeployResult.CANCELLED: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """A deployment that names the workload. ``is_cause`` says that it caused the newest revision."""

    key: str
    version: str
    url: str
    started: str
    started_s: int
    lasted: str
    result: str
    tone: str
    author: str
    commit: str
    is_cause: bool


def trace_of(detail: WorkloadDetail) -> RolloutTrace:
    """The newest rollout of a workload, as the ledger looks for its cause."""
    summary = detail.summary
    return RolloutTrace(
        namespace=summary.id.namespace,
        workload=summary.id.name,
        began_at=summary.revision_at or summary.created_at,
        images=tuple(_reference(one.repository, one.tag, one.digest) for one in summary.images),
        version=summary.release.app_version if summary.release else "",
    )


def _reference(repository: str, tag: str, digest: str) -> str:
    return "".join([repository, f":{tag}" if tag else "", f"@{digest}" if digest else ""])


def to_ledger(records: Sequence[DeployRecord], cause: DeployRecord | None, lang: Lang) -> list[LedgerRow]:
    """The lines, with the cause among them even when it is older than the others."""
    known = {record.id for record in records}
    shown = [*records, cause] if cause and cause.id not in known else records
    return [_to_line(record, lang, is_cause=cause is not None and record.id == cause.id) for record in shown]


def _to_line(record: DeployRecord, lang: Lang, *, is_cause: bool) -> LedgerRow:
    told, length = record.told, record.length
    return LedgerRow(
        key=str(record.id),
        version=told.version,
        url=routes.deployment(record.id),
        started=fmt.moment(told.started_at, lang),
        started_s=int(told.started_at.timestamp()),
        lasted=fmt.duration(length.total_seconds(), lang) if length is not None else "—",
        result=text(f"deployment.result.{told.result}", lang),
        tone=_TONES[told.result],
        author=told.author or "—",
        commit=told.commit_sha[:_SHORT_COMMIT] or "—",
        is_cause=is_cause,
    )
