"""Use cases of answers from documents. Nobody waits for a model: it is asked beside, and its end is told as news."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role
from backend.assistant import answer_input_rules as inputs
from backend.assistant import answer_repository as repository
from backend.assistant import citation_rules, rules
from backend.assistant.answer_types import AnswerReason, AnswerSentence, NumberedLine, RunbookAnswer
from backend.assistant.repository import begin_call, end_call, lock, spent
from backend.assistant.types import WordingReason
from backend.clients.openai import has_key
from backend.clients.openai_wording import (
    Prompt,
    SentencesAnswer,
    WordingFailed,
    ask_for_answer,
    ask_for_embeddings,
)
from backend.config import settings
from backend.db.engine import transaction
from backend.db.news import Topic, tell
from backend.documents import service as documents
from backend.documents.word_rules import language_of
from backend.log import get_logger
from backend.tenants.types import INTERNAL_LABEL

log = get_logger(__name__)

T = TypeVar("T")

_asking = ThreadPoolExecutor(2, thread_name_prefix="answer")
# Passages of at most 1,200 characters, and the instructions.
_RESERVED_CHARACTERS = 10_000
_EMBEDDED_AT_ONCE = 64


def answer(actor: Actor, question: str) -> RunbookAnswer:
    """The answer to a question as far as it is known; where it is not, a model is asked beside. For staff.

    Never waits for a model. It is asked once for all readers and processes, within budget and breaker; it has no tools.
    """
    if (found := known_answer(actor, question)) is not None:
        return found
    # What a model makes of passages that only have some words of the question is true, and no answer to it.
    key, now = _key(actor, question), clock.utc_now()
    if not documents.has_vectors(actor) and not documents.search(actor, question).is_answered:
        far = RunbookAnswer(reason=AnswerReason.FAR)
        repository.store(key, far, now + rules.ANSWERED_FOR)
        return far
    with transaction():
        lock()
        if (found := repository.answer(key, now)) is not None:
            return found
        if (reason := _refusal_to_ask(now, _reserved(question))) is not None:
            refused = RunbookAnswer(reason=AnswerReason(reason.value))
            repository.store(key, refused, now + rules.good_for(reason))
            return refused
        waiting = RunbookAnswer(reason=AnswerReason.WAITING)
        repository.store(key, waiting, now + rules.ASKED_FOR)
    _asking.submit(_ask, actor, key, question).add_done_callback(_note_end)
    return waiting


def known_answer(actor: Actor, question: str) -> RunbookAnswer | None:
    """The answer to a question, or None where it is not known; nobody is asked. For staff."""
    require_role(actor, *STAFF_ROLES)
    if not has_key():
        return RunbookAnswer(reason=AnswerReason.OFF)
    return repository.answer(_key(actor, question), clock.utc_now())


def embed_missing(actor: Actor) -> int:
    """Give the chunks that have none their embeddings; returns their number. For processes. Within the same budget.

    Does nothing without a key or without pgvector. A failure leaves the rest for the next time.
    """
    require_process(actor)
    if not has_key() or not documents.has_vectors(actor):
        return 0
    missing = documents.without_embedding(actor)
    stored = 0
    for start in range(0, len(missing), _EMBEDDED_AT_ONCE):
        part = missing[start : start + _EMBEDDED_AT_ONCE]
        try:
            vectors = _embeddings([text for _, text in part])
        except _NotSaidError:
            break
        numbers = (number for number, _ in part)
        documents.store_embeddings(actor, dict(zip(numbers, vectors, strict=True)))
        stored += len(part)
    return stored


class _NotSaidError(Exception):
    """A model was not asked, or failed."""

    def __init__(self, reason: AnswerReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def _embeddings(texts: Sequence[str]) -> list[list[float]]:
    reserved = rules.reserve_tokens("".join(texts), 0)
    return _said(reserved, lambda: ask_for_embeddings(texts, INTERNAL_LABEL))


def _said(reserved: int, ask: Callable[[], tuple[T, int | None]]) -> T:
    """Ask as one call within budget and breaker. Raises _NotSaidError with the reason where there is no answer."""
    now = clock.utc_now()
    with transaction():
        lock()
        if (refusal := _refusal_to_ask(now, reserved)) is not None:
            raise _NotSaidError(AnswerReason(refusal.value))
        call_id = begin_call(now, reserved)
    try:
        said, tokens = ask()
    except WordingFailed as trouble:
        end_call(call_id, tokens=None, failed=True)
        raise _NotSaidError(AnswerReason(trouble.failure.value)) from None
    end_call(call_id, tokens=tokens, failed=False)
    return said


def _reserved(question: str) -> int:
    return rules.reserve_tokens(" " * _RESERVED_CHARACTERS + question, inputs.MOST_OUTPUT_TOKENS)


def _refusal_to_ask(now: datetime, reserved: int) -> WordingReason | None:
    today = clock.day_window(clock.billing_day(now)).start
    return rules.refusal_to_ask(
        spent(today, now - rules.HOUR),
        now,
        reserved_tokens=reserved,
        tokens_per_day=settings().openai_tokens_per_day,
        calls_per_hour=settings().openai_calls_per_hour,
    )


def _key(actor: Actor, question: str) -> str:
    return inputs.cache_key(
        question, documents.index_hash(actor), settings().openai_model, language_of(question)
    )


def _ask(actor: Actor, key: str, question: str) -> None:
    """Find the passages, ask the model, judge its sentences, and keep what came of it; nobody waits for this."""
    found, standing = _found(actor, question)
    with transaction():
        repository.store(key, found, clock.utc_now() + standing)
        tell(Topic.ANSWERS)


def _found(actor: Actor, question: str) -> tuple[RunbookAnswer, timedelta]:
    """The answer, and for how long it stands: what another try may mend, only until that."""
    trouble, meaning = None, None
    try:
        if documents.has_vectors(actor):
            [meaning] = _embeddings([question])
    except _NotSaidError as nothing:
        # The words of the question may find the passages all the same.
        trouble = nothing.reason
    findings = documents.search(actor, question, meaning)
    reason = trouble or AnswerReason.FAR
    sentences: tuple[AnswerSentence, ...] = ()
    try:
        if findings.is_answered:
            reason, sentences = _answered(question, inputs.numbered(findings.passages))
    except _NotSaidError as nothing:
        trouble = reason = nothing.reason
    nearest = tuple(map(inputs.place_of, findings.passages))
    is_final = trouble is None or reason is AnswerReason.ANSWERED
    found = RunbookAnswer(reason=reason, sentences=sentences, nearest=nearest)
    return found, rules.ANSWERED_FOR if is_final else rules.FAILED_FOR


def _answered(
    question: str, lines: Sequence[NumberedLine]
) -> tuple[AnswerReason, tuple[AnswerSentence, ...]]:
    """Ask the model for sentences from these lines, and keep those that pass."""

    def ask() -> tuple[SentencesAnswer, int | None]:
        told = ask_for_answer(_prompt(question, lines))
        return told.said, told.tokens

    return _accepted(_said(_reserved(question), ask), lines, question)


def _prompt(question: str, lines: Sequence[NumberedLine]) -> Prompt:
    lang = language_of(question)
    return Prompt(
        instructions=inputs.instructions(lang),
        data=inputs.data_block(question, lines),
        tenant=INTERNAL_LABEL,
        cache_key=f"answers-{inputs.PROMPT_VERSION}-{lang}",
        most_output_tokens=inputs.MOST_OUTPUT_TOKENS,
    )


def _accepted(
    said: SentencesAnswer, lines: Sequence[NumberedLine], question: str
) -> tuple[AnswerReason, tuple[AnswerSentence, ...]]:
    """The sentences that their lines hold. Where one of several does not stand, the others do."""
    by_number = {line.number: line for line in lines}
    lang = language_of(question)
    kept = []
    for each in said.sentences:
        refusal = citation_rules.refusal_of(each.text, each.lines, by_number, lang)
        if refusal is not None:
            log.warning("answer.sentence_refused", refusal=refusal, lang=lang)
            continue
        places = dict.fromkeys(by_number[number].place for number in each.lines)
        kept.append(AnswerSentence(text=each.text.strip(), places=tuple(places)))
    if kept:
        return AnswerReason.ANSWERED, tuple(kept)
    return (AnswerReason.REJECTED if said.sentences else AnswerReason.NOT_SAID), ()


def _note_end(asked: Future[None]) -> None:
    """Write down what nobody waited for; the question counts as not answered until it is forgotten."""
    if (error := asked.exception()) is not None:
        log.error("answer.lost", error=type(error).__name__, exc_info=error)
