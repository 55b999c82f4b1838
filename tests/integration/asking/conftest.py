"""Somebody on call who asks the runbooks, with the model provider's stand-in as the provider of the settings."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from backend.actor import Actor, Role
from backend.assistant.answer_types import AnswerReason
from backend.clients.openai import shared_client
from backend.config import settings
from backend.db.engine import transaction
from backend.documents.types import Document
from runbooks import ask_service, documents
from runbooks.ask_service import AskResult
from tests import factories
from tests.integration.telemetry.conftest import Vendor, own_model, running_vendor, vendor
from tests.waiting import until

__all__ = ["own_model", "running_vendor", "vendor"]


class Asking:
    """An operator who asks."""

    def __init__(self, provider: Vendor) -> None:
        self.vendor = provider
        self.actor: Actor = factories.actor(Role.OPERATOR)

    def answered(self, question: str) -> AskResult:
        """What is shown as soon as no model is waited for any more."""
        found = [ask_service.ask(self.actor, question)]

        def is_told() -> bool:
            found.append(ask_service.look(self.actor, question))
            return found[-1].answer.reason is not AnswerReason.WAITING

        if found[-1].answer.reason is AnswerReason.WAITING:
            until(is_told)
        return found[-1]


@pytest.fixture
def asking(database: str, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asking]:
    monkeypatch.setenv("OPENAI_BASE_URL", vendor.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-sandbox-key-of-the-tests")
    settings.cache_clear()
    yield Asking(vendor)
    if shared_client.cache_info().currsize:
        shared_client().close()
    shared_client.cache_clear()


@pytest.fixture
def few_documents(monkeypatch: pytest.MonkeyPatch) -> Sequence[Document]:
    """The English pages of three alerts in the place of all documents."""
    few = [
        each
        for each in documents.documents()
        if each.name in {"HighLatency", "MailsGivenUp", "RolloutStuck"} and each.lang == "en"
    ]
    monkeypatch.setattr(ask_service, "documents", lambda: few)
    return few


def let_time_pass(**span: Any) -> None:
    """Make every answer and every call older."""
    with transaction() as connection:
        for statement in (
            "UPDATE assistant_answer SET good_until = good_until - make_interval(secs => :s)",
            "UPDATE assistant_call SET at = at - make_interval(secs => :s)",
        ):
            connection.execute(text(statement), {"s": sum(span.values())})


def with_line(document: Document, line: str) -> Document:
    """The document with one more line at its end."""
    return replace(document, markdown=f"{document.markdown}\n\n{line}\n")
