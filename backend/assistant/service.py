"""Use cases of wording: the feature's door. It answers at once; a model is asked beside it."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from backend import clock
from backend.actor import STAFF_ROLES, Actor, require_process, require_role
from backend.assistant import answer_repository, input_rules, repository, rules, validator_rules
from backend.assistant.types import NumberedAlert, WordedGroup, Wording, WordingReason
from backend.clients.openai import has_key
from backend.clients.openai_wording import GroupsAnswer, Prompt, WordingFailed, ask_for_wording
from backend.config import settings
from backend.db.engine import transaction
from backend.db.news import Topic, tell
from backend.i18n.catalog import Lang
from backend.log import get_logger
from backend.telemetry.metrics import count_alert_summary
from backend.tenants.types import INTERNAL_LABEL

log = get_logger(__name__)

# A model answers within seconds or not at all, and one question at a time is enough for a page that has words already.
_asking = ThreadPoolExecutor(2, thread_name_prefix="wording")
KEPT = 2 * rules.DAY


def wording(actor: Actor, alerts: Sequence[NumberedAlert], lang: Lang) -> Wording:
    """The wording of these alerts, or the reason why there is none. For staff.

    Never waits for a model: where one is to be asked, that happens beside, once for all readers and processes, and its
    end is told as news of alerts. Budget and breaker are looked at before.
    """
    require_role(actor, *STAFF_ROLES)
    known = list(alerts)[: input_rules.MOST_ALERTS]
    if not known or not has_key():
        return Wording(reason=WordingReason.OFF)
    now, key = clock.utc_now(), input_rules.cache_key(known, settings().openai_model, lang)
    if (found := repository.wording(key, now)) is not None:
        return found
    meanings = input_rules.meanings_of(known, lang)
    data = input_rules.data_block(known, meanings)
    told = input_rules.instructions(lang) + data
    reserved = rules.reserve_tokens(told, input_rules.MOST_OUTPUT_TOKENS)
    with transaction():
        repository.lock()
        if (found := repository.wording(key, now)) is not None:
            return found
        reason = _refusal_to_ask(now, reserved)
        if reason is not None:
            refused = Wording(reason=reason)
            # Many tabs look again and again; they wait for no lock and are counted once.
            repository.store(key, refused, now + rules.good_for(reason))
            count_alert_summary("fallback", reason)
            return refused
        waiting = Wording(reason=WordingReason.WAITING)
        repository.store(key, waiting, now + rules.ASKED_FOR)
        call_id = repository.begin_call(now, reserved)
    _asking.submit(_ask, key, call_id, known, data, lang).add_done_callback(_note_end)
    return waiting


def forget_old(actor: Actor) -> int:
    """Delete questions, wordings and answers that no rule needs any more; returns their number. For processes."""
    require_process(actor)
    now = clock.utc_now()
    answers = answer_repository.delete_before(now - rules.DAY)
    return answers + repository.delete_before(now - KEPT, now - rules.DAY)


def _refusal_to_ask(now: datetime, reserved: int) -> WordingReason | None:
    today = clock.day_window(clock.billing_day(now)).start
    return rules.refusal_to_ask(
        repository.spent(today, now - rules.HOUR),
        now,
        reserved_tokens=reserved,
        tokens_per_day=settings().openai_tokens_per_day,
        calls_per_hour=settings().openai_calls_per_hour,
    )


def _ask(key: str, call_id: int, alerts: Sequence[NumberedAlert], data: str, lang: Lang) -> None:
    """Ask the model, judge its answer, and keep what came of it; nobody waits for this."""
    tokens = None
    try:
        answer = ask_for_wording(
            Prompt(
                instructions=input_rules.instructions(lang),
                data=data,
                tenant=INTERNAL_LABEL,
                cache_key=f"alerts-{input_rules.PROMPT_VERSION}-{lang}",
                most_output_tokens=input_rules.MOST_OUTPUT_TOKENS,
            )
        )
        tokens, found, failed = answer.tokens, _wording_from(alerts, answer.said, lang), False
    except WordingFailed as trouble:
        found, failed = Wording(reason=WordingReason(trouble.failure.value)), True
    count_alert_summary("llm" if found.groups else "fallback", found.reason)
    with transaction():
        repository.end_call(call_id, tokens=tokens, failed=failed)
        repository.store(key, found, clock.utc_now() + rules.good_for(found.reason))
        tell(Topic.ALERTS)


def _note_end(asked: Future[None]) -> None:
    """Write down what nobody waited for; the question counts as not answered until it is forgotten."""
    if (error := asked.exception()) is not None:
        log.error("wording.lost", error=type(error).__name__, exc_info=error)


def _wording_from(alerts: Sequence[NumberedAlert], answer: GroupsAnswer, lang: Lang) -> Wording:
    """The wording that an answer makes, after the validator."""
    groups = tuple(
        WordedGroup(numbers=tuple(sorted(each.ids)), title=each.title.strip(), text=each.text.strip())
        for each in answer.groups
    )
    refusal = validator_rules.refusal_of(alerts, input_rules.meanings_of(alerts, lang), groups, lang)
    if refusal is not None:
        log.warning("wording.rejected", refusal=refusal, lang=lang)
        return Wording(reason=WordingReason.REJECTED)
    return Wording(reason=WordingReason.WORDED, groups=groups)
