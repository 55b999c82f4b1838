"""The runbooks are asked in both languages: the right page is near, and what no page says is not said."""

import logging
import tomllib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from backend.actor import Actor, Role
from backend.db.engine import transaction
from backend.documents import service as library
from backend.documents.types import Document
from backend.errors import Forbidden
from runbooks import ask_service
from runbooks.documents import documents
from tests import factories

QUESTIONS = tomllib.loads(Path(__file__).with_name("questions.toml").read_text())["question"]
NEAR = 3

log = logging.getLogger(__name__)


@pytest.fixture
def operator(database: str) -> Actor:
    return factories.actor(Role.OPERATOR)


def with_injections() -> list[Document]:
    """The documents, each with what strangers wrote into it."""
    written = {(each["pages"][0], each["lang"]): each["injected"] for each in QUESTIONS if "injected" in each}
    return [
        replace(
            each,
            markdown=f"{each.markdown}\n\n{written.get((each.name, each.lang), '')}\n\nThe end of the page.\n",
        )
        if (each.name, each.lang) in written
        else each
        for each in documents()
    ]


def is_right(actor: Actor, question: dict[str, Any]) -> bool:
    """Whether an answer is one, and the right page is among the first three, or no page is said to know."""
    found = library.search(actor, question["text"])
    near = {passage.name for passage in found.passages[:NEAR]}
    return found.is_answered == bool(question["pages"]) and (
        not question["pages"] or not near.isdisjoint(question["pages"])
    )


def test_at_least_thirty_six_of_forty_questions_are_answered_rightly(
    operator: Actor, record_property: Callable[[str, object], None]
) -> None:
    library.keep_index(operator, with_injections())

    right = Counter(each["lang"] for each in QUESTIONS if is_right(operator, each))

    record_property("right", dict(right))
    log.warning("%s of 20 in Persian and %s of 20 in English", right["fa"], right["en"])
    assert Counter(each["lang"] for each in QUESTIONS) == {"fa": 20, "en": 20}
    assert right.total() >= 36


def chunks() -> list[tuple[int, str]]:
    with transaction() as connection:
        rows = connection.execute(text("SELECT id, text_hash FROM document_chunk ORDER BY id"))
        return [(row.id, row.text_hash) for row in rows]


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0


def test_the_index_is_made_once_by_whoever_asks_first_and_anew_when_a_page_changes(operator: Actor) -> None:
    before = counted("document_chunks_total")
    pages = sorted(documents(), key=lambda each: each.lang)

    with ThreadPoolExecutor(4) as processes:
        made = list(processes.map(lambda _: library.keep_index(operator, pages), range(4)))

    first = chunks()
    assert sorted(made) == [0, 0, 0, len(first)]
    assert counted("document_chunks_total") == before + len(first)
    pages[0] = replace(pages[0], markdown=pages[0].markdown + "\n- Call the zookeeper.\n")
    assert library.keep_index(factories.PROCESS, pages) == len(first)
    assert len(dict(first).keys() & dict(chunks()).keys()) == 0
    assert library.search(operator, "zookeeper").passages[0].name == pages[0].name


def test_an_index_that_fails_half_way_leaves_the_old_one(
    operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.keep_index(operator, documents())
    before = chunks()
    twice = [documents()[0], documents()[0]]

    with pytest.raises(Exception, match="uq_document_chunk"):
        library.keep_index(operator, twice)

    assert chunks() == before
    assert library.keep_index(operator, documents()) == 0


def test_each_question_counts_and_only_staff_may_ask(operator: Actor) -> None:
    before = counted("rag_query_total")

    found = ask_service.ask(operator, "prometheus disk is full " * 100)

    assert found.passages[0].name == "MetricsStorageFailing"
    assert counted("rag_query_total") == before + 1
    for stranger in (factories.actor(Role.TENANT_ADMIN), factories.PROCESS):
        with pytest.raises(Forbidden):
            ask_service.ask(stranger, "prometheus disk is full")
        with pytest.raises(Forbidden):
            library.search(stranger, "prometheus disk is full")
    with pytest.raises(Forbidden):
        library.keep_index(factories.actor(Role.TENANT_ADMIN), documents())
    assert counted("rag_query_total") == before + 1


@pytest.mark.parametrize(
    "question", ["", "?!", "the of and", "از به که", "a | b & !(c", "':*", "\\", "\0", "🦊" * 300]
)
def test_a_question_without_a_word_that_says_something_finds_nothing(operator: Actor, question: str) -> None:
    found = ask_service.ask(operator, question)

    assert (found.is_answered, found.passages) == (False, ())


@pytest.mark.parametrize(
    "spelling",
    [
        "صورت‌حساب‌های در انتظار بررسی",
        "صورتحسابهای در انتظار بررسي",
        "صورت حساب های در انتظار بَررسی",
        "صورت‌حساب‌هاي در انتظار بررسى",
    ],
)
def test_one_word_in_several_spellings_finds_the_same_page(operator: Actor, spelling: str) -> None:
    assert ask_service.ask(operator, spelling).passages[0].name == "InvoicesHeld"
