"""Deployments of the half hour before an alert, in a line each: a fact beside it, and never called its cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.alerts.summary_rules import shown
from backend.deploys.ledger_types import DeployRecord
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal import routes

MOST_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployLine:
    """A deployment in a sentence, and the way to it."""

    sentence: str
    url: str


def to_lines(records: Sequence[DeployRecord], started_at: datetime, lang: Lang) -> list[DeployLine]:
    """The newest deployments before an alert began."""
    return [_line(record, started_at, lang) for record in records[:MOST_LINES]]


def _line(record: DeployRecord, started_at: datetime, lang: Lang) -> DeployLine:
    told = record.told
    before_s = (started_at - told.started_at).total_seconds()
    sentence = text(
        "page.alerts.deployed",
        lang,
        what=f"{shown(told.service)} {shown(told.version)}",
        before=fmt.duration(max(0.0, before_s), lang),
        result=text(f"deployment.result.{told.result}", lang),
    )
    return DeployLine(sentence=sentence, url=routes.deployment(record.id))
