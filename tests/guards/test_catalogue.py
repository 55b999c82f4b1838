"""Every sentence exists in Persian and English, with the same places, and every key in the code exists."""

import re
from collections.abc import Iterable, Mapping

import pytest

from backend import errors
from backend.actor import Role
from backend.alerts import wake_service
from backend.alerts.types import AlertEventKind, Resolution, Severity, SilenceChangeKind, SilenceState
from backend.assistant.answer_types import AnswerReason
from backend.assistant.types import WordingReason
from backend.db.connecting import Cause
from backend.deploys.ledger_types import DeployResult, SmokeTest
from backend.deploys.types import RolloutState, StuckKind
from backend.errors import AppError
from backend.i18n.catalog import Lang, sentences, sentences_of
from backend.invoices.types import HoldReason, InvoiceStatus, RunState
from backend.job_runs import service as job_runs
from backend.job_runs.types import JobState
from backend.overview import types as overview_types
from backend.overview.rules import SERVICES
from backend.payments import types as payment_types
from backend.payments.types import (
    AttemptEventKind,
    AttemptState,
    AttemptVerdict,
    LedgerEntryKind,
    ReturnOutcome,
)
from backend.pricing.types import ChangeKind
from backend.runbooks.types import Risk, RunEvent, RunStage, StepState
from backend.usage import types as usage_types
from backend.usage.types import OpeningSource
from jobs.registry import names as job_names
from portal.http.openapi import DOORS
from portal.job_words import COUNTED
from portal.pages import Group
from runbooks import registry
from runbooks.types import PROCEDURES
from tests.alert_files import alerts
from tests.guards import rules
from tests.guards.rules import PRODUCTION, ROOT, Source


def test_both_languages_hold_the_same_keys_and_places() -> None:
    assert rules.catalogue_differences(sentences("fa"), sentences("en")) == []


def test_a_missing_sentence_and_a_lost_place_are_seen() -> None:
    found = rules.catalogue_differences({"a": "{x}", "b": ""}, {"a": "{y}"})

    assert found == ["b stands in one language only", "a has other places"]


def test_no_persian_sentence_was_left_in_english() -> None:
    assert rules.untranslated(sentences("fa")) == []


def test_an_english_sentence_among_the_persian_ones_is_seen() -> None:
    assert rules.untranslated({"a": "Sign in {name}", "b": "ورود {name}"}) == ["a"]


def test_every_key_in_the_code_is_in_the_catalogue() -> None:
    used = rules.used_keys(rules.sources(*PRODUCTION), sections())

    assert used - sentences("fa").keys() == set()


def test_what_backend_and_jobs_say_needs_no_portal() -> None:
    own = {key for path in (ROOT / "backend").glob("*/fa.toml") for key in sentences_of(path)}

    assert rules.used_keys(rules.sources("backend", "jobs"), sections()) - own == set()


def test_a_key_that_nobody_wrote_a_sentence_for_is_seen() -> None:
    code = Source(
        "portal/x.py",
        """
t("page.none_such")
key = "page.this" if x else "page.that"
page("/x", "page.title", nav="page.entry")
text("page.one" if x else "page.two", lang)
log.info("page.opened")
""",
    )

    assert rules.used_keys([code], {"page"}) == {
        "page.none_such",
        "page.this",
        "page.that",
        "page.title",
        "page.entry",
        "page.one",
        "page.two",
    }


# What fills the keys that are put together while running. None: a word from elsewhere; where the catalogue has no
# sentence for it, the code says something else.
# What the portal itself does with silences; the name of the action is put together.
SILENCE_ACTIONS = {f"silence_{kind}" for kind in ("created", "extended", "shortened", "ended")}
# Processes whose name is no text in the place where they act.
NAMED_PROCESSES = {job_runs.SCHEDULER, wake_service.NAME, *(f"{door.name}_door" for door in DOORS)}
RUN_ACTIONS = {f"run_{each}" for each in RunEvent}
# A rule that takes the service from a label names a job or a workload, which has no words.
NAMED_SERVICES = {
    rule["labels"]["service"] for rule in alerts().values() if "{{" not in rule["labels"]["service"]
}
FAMILIES: dict[str, Iterable[str] | None] = {
    "alerts.concern.{}": ("tenant", "pod", "instance", "model", "node", "queue"),
    "alerts.ended.{}": Resolution,
    "alerts.event.{}": AlertEventKind,
    "alerts.name.{}": alerts(),
    "alerts.service.{}": {*SERVICES, *NAMED_SERVICES},
    "alerts.said.{}": alerts(),
    "alerts.severity.{}": Severity,
    "alerts.silence_change.{}": SilenceChangeKind,
    "alerts.silence_state.{}": SilenceState,
    "audit.action.{}": rules.audited_actions() | SILENCE_ACTIONS | RUN_ACTIONS,
    "audit.fault.{}": ("changed", "missing_before", "cut_off", "rewritten"),
    "audit.process_name.{}": rules.processes() | NAMED_PROCESSES,
    "audit.target.{}": rules.audited_targets(),
    "audit.said.{}": rules.audited_actions() | SILENCE_ACTIONS | RUN_ACTIONS,
    "billing.started_by.{}": None,
    "billing.state.{}": RunState,
    "deploy.advice.{}": StuckKind,
    "deploy.difference.{}": ("image", "resources", "environment", "container", "replicas"),
    "deploy.filter.{}": ("trouble", "moving", "paused", "settled"),
    "deploy.pod.{}": ("pending", "succeeded", "failed"),
    "deploy.state.{}": RolloutState,
    "deploy.stuck.{}": StuckKind,
    "deployment.result.{}": DeployResult,
    "deployment.smoke_test.{}": SmokeTest,
    "error.database_cause.{}": Cause,
    "error.{}": None,
    "error.{}.{}": None,
    "invoice.hold.{}": HoldReason,
    "invoice.hold_name.{}": HoldReason,
    "invoice.status.{}": InvoiceStatus,
    "job.by.{}": ("scheduler", "command"),
    "job.name.{}": job_names(),
    "job.outcome.{}": COUNTED,
    "job.state.{}": JobState,
    "job.weekday.{}": "0123456",
    "job.what.{}": job_names(),
    "mail.{}.footer": None,
    "mail.{}.{}": None,
    "nav.group.{}": Group,
    "number.{}": ("thousand", "million", "billion"),
    "prices.said.{}": ChangeKind,
    "prices.state.{}": ("planned", "now", "ended"),
    "page.ask.model.{}": set(AnswerReason) - {AnswerReason.OFF},
    "page.ask.said.{}": ("answered", "found", "near", "nothing"),
    "page.alerts.wording.{}": set(WordingReason) - {WordingReason.OFF},
    "overview.cause.{}": None,
    "overview.dependency.{}": ("answers", "away", "unknown", "pending"),
    "overview.fullness.{}": ("autoscaler", "volume", "open_files"),
    "overview.level.{}": overview_types.Level,
    "overview.source.{}": overview_types.SourceName,
    "overview.state.{}": overview_types.ServiceState,
    "overview.trouble.{}": overview_types.TroubleKind,
    "page.overview.tile.{}": None,
    "payment.by.{}": None,
    "payment.detail.{}": None,
    "payment.entry.{}": LedgerEntryKind,
    "payment.event.{}": AttemptEventKind,
    "payment.flag.{}": payment_types.PaymentFlag,
    "payment.flag_text.{}": payment_types.PaymentFlag,
    "payment.flag_text.{}_booked": None,
    "payment.refused.status_{}": None,
    "payment.returned.{}.heading": ReturnOutcome,
    "payment.returned.{}.text": ReturnOutcome,
    "payment.said.{}": ("success", "failure", "yes", "no"),
    "payment.state.{}": AttemptState,
    "payment.undecided.{}": None,
    "payment.undecided.{}_other": ("status", "result"),
    "payment.verdict.{}": AttemptVerdict,
    "payment.{}": ("try_again", "to_invoice", "credit", "debt"),
    "payment.{}.{}": None,
    "payment.{}_note": ("credit", "debt"),
    "role.{}": Role,
    "runs.explains.{}": RunStage,
    "runs.fault.{}": ("string_too_short", "string_too_long", "number", "missing", "choice", "other"),
    "runs.risk.{}": Risk,
    "runs.risk_says.{}": Risk,
    "runs.state.{}": RunStage,
    "runs.step.{}": StepState,
    "runs.target.{}": ("deploy", "db", "secret", "billing", "mail", "job", "alert", "payments"),
    "runbooks.action.{}.name": registry.actions(),
    "runbooks.action.{}.what": registry.actions(),
    "runbooks.field.{}.{}": None,
    "runbooks.page.{}.name": PROCEDURES,
    "runbooks.page.{}.what": PROCEDURES,
    "runbooks.restore_database.{}": None,
    "runbooks.restore_from_snapshot.{}": None,
    "runbooks.step.{}.{}": None,
    "timezone.{}": ("asia_tehran",),
    "unit.{}": ("days", "hours", "minutes"),
    "billing.figure.{}": usage_types.FallFigure,
    "usage.flag.{}": usage_types.UsageFlag,
    "usage.flag_name.{}": usage_types.UsageFlag,
    "usage.opening.{}": OpeningSource,
    "usage.type.{}": ("prompt", "cached_prompt", "completion"),
}
# Asked for by the reason that a run or a reconciliation has stored, whatever its length.
STORED_REASONS = (
    "job.failure.{}",
    "billing.failure.{}.{}",
    "payment.undecided.status_{}",
    "payment.undecided.result_{}",
)


ERROR_CODES = {
    name: kind.code
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, AppError)
}


def sections() -> set[str]:
    return {key.partition(".")[0] for key in sentences("fa")}


def test_every_key_that_is_put_together_is_of_a_known_family() -> None:
    assert rules.key_families(rules.sources(*PRODUCTION), sections()) == set(FAMILIES)


def test_whatever_fills_such_a_key_has_a_sentence() -> None:
    wanted = {
        family.format(word) for family, members in FAMILIES.items() if members is not None for word in members
    }

    assert wanted - sentences("fa").keys() == set()


def test_every_field_and_step_of_an_action_has_words() -> None:
    wanted = {
        f"runbooks.{kind}.{action.name}.{name}"
        for action in registry.actions().values()
        for kind, names in (
            ("field", action.parameters.model_fields),
            ("step", [step.name for step in (*action.steps, *(action.undo.steps if action.undo else ()))]),
        )
        for name in names
    }

    assert wanted - sentences("fa").keys() == set()


def test_every_reason_of_a_refusal_has_a_sentence() -> None:
    used = rules.refusal_keys(rules.sources(*PRODUCTION), ERROR_CODES)

    assert used - sentences("fa").keys() == set()


def test_a_reason_without_a_sentence_is_seen() -> None:
    code = Source(
        "portal/x.py",
        'raise Refused(reason="a" if x else "b", day=1)\nerrors.Conflict(reason="c")\nf(reason="d")',
    )

    assert rules.refusal_keys([code], ERROR_CODES) == {
        "error.refused.a",
        "error.refused.b",
        "error.conflict.c",
    }


# What ends or refuses a run and needs nobody: what was wanted is so already, or must not be.
NOTHING_TO_DO = {
    "error.conflict.run_cancelling",
    "error.conflict.run_ended",
    "error.conflict.run_not_lost",
    "error.refused.pause_job_not_paused",
    "error.refused.pause_job_paused",
    "error.refused.recheck_payments_nothing",
    "error.refused.retry_mails_nothing",
    "error.refused.revision_runs_already",
    "error.refused.run_billing_nothing",
    "error.refused.scale_same",
    "error.refused.silence_alert_over",
    "error.refused.silence_watchdog",
    "error.refused.snapshot_not_switched",
    "error.refused.workload_not_paused",
    "error.refused.workload_paused_already",
    "runbooks.outcome.declined",
}


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_whatever_ends_a_run_says_what_to_do(lang: Lang) -> None:
    folders = (
        ROOT / "backend/backups",
        ROOT / "backend/runbooks",
        ROOT / "runbooks",
        ROOT / "runbooks/actions",
    )
    told = {
        key: sentence
        for folder in folders
        for path in folder.glob(f"*{lang}.toml")
        for key, sentence in sentences_of(path).items()
        if key.startswith(("error.refused.", "error.conflict.", "error.unavailable.", "runbooks.outcome."))
    }

    assert {key for key, sentence in told.items() if rules.is_one_clause(sentence)} == NOTHING_TO_DO


def test_a_sentence_that_only_says_what_happened_is_seen() -> None:
    assert rules.is_one_clause("{program} failed: {said}")
    assert not rules.is_one_clause("{program} failed. Look at the disk. It says: {said}")
    assert not rules.is_one_clause("سرور {name} نیست؛ دوباره تلاش کنید.")


def test_no_word_of_the_code_fills_a_place_of_a_runs_sentence() -> None:
    found = {
        source.path: words
        for source in rules.sources("runbooks", "backend/backups", "backend/db", "backend/clients")
        if (words := rules.words_of_code(source))
    }

    assert found == {"runbooks/asking_service.py": found["runbooks/asking_service.py"]}
    assert len(found["runbooks/asking_service.py"]) == 1, (
        "the name of a form's fault, which the form has words for"
    )


def test_a_word_of_the_code_in_a_runs_sentence_is_seen() -> None:
    code = Source(
        "runbooks/x.py",
        """
raise Refused(reason="a", what="schema")
running.log("a.b", said=said or f"exit code {code}", n=1)
Words(key="a.b", values={"kind": "crash" if x else y, "name": name})
Refused(reason="a", words=words or "–", name=f"{a}")
log.info("x", what="schema")
""",
    )

    assert rules.words_of_code(code) == ["line 2: what", "line 3: said", "line 4: 'kind'"]


def test_a_family_of_keys_is_seen() -> None:
    code = Source("portal/x.py", 'text(f"page.{name}.title", lang)\nlog.info(f"{x} page.")')

    assert rules.key_families([code], {"page"}) == {"page.{}.title"}


def test_no_sentence_is_left_over() -> None:
    templates = [path.read_text() for folder in PRODUCTION for path in (ROOT / folder).rglob("*.j2")]
    words = rules.words_of(rules.sources(*PRODUCTION), templates)
    words |= {word for members in FAMILIES.values() if members is not None for word in members}
    words |= {name for action in registry.actions().values() for name in action.parameters.model_fields}

    assert rules.dead_keys(sentences("fa"), [*FAMILIES, *STORED_REASONS], words) == []


def test_a_sentence_that_nobody_says_is_seen() -> None:
    words = rules.words_of([Source("portal/x.py", 't("page.a"); flag = "low"')], ['{{ say("subject") }}'])
    keys = ["page.a", "page.b", "usage.low", "usage.high", "mail.subject", "payment.status_4"]

    assert rules.dead_keys(keys, ["usage.{}", "mail.{}", "payment.status_{}"], words) == [
        "page.b",
        "usage.high",
    ]


# Where one word of a language has two in the other, each with its reason.
_ONE_WORD_FOR_TWO = {
    "Billing": "the menu has room for one word",
    "عملیات": "an action and several: the word is its own plural",
    "صدور": "the menu's short name of the page, and what one does there",
    "ناموفق": "a run that failed, and what an address claims",
    "{first} و {second}": "units stand side by side in English, words do not",
}


def words_for_two(of: Mapping[str, str], by: Mapping[str, str]) -> set[str]:
    """The sentences of a language for which another one has several, whatever their capital letters."""
    meanings: dict[str, set[str]] = {}
    for key, sentence in of.items():
        meanings.setdefault(sentence, set()).add(by[key].casefold())
    return {sentence for sentence, found in meanings.items() if len(found) > 1}


def test_one_word_of_a_language_is_one_word_of_the_other() -> None:
    fa, en = sentences("fa"), sentences("en")

    assert words_for_two(fa, en) | words_for_two(en, fa) <= _ONE_WORD_FOR_TWO.keys()


def test_two_words_for_one_thing_are_seen() -> None:
    fa, en = {"a": "دلیل", "b": "علت", "c": "جمع"}, {"a": "Reason", "b": "Reason", "c": "Total"}

    assert words_for_two(en, fa) == {"Reason"}
    assert words_for_two(fa, en) == set()


@pytest.mark.parametrize(("lang", "held", "checked"), [("fa", "بازبینی", "بررسی"), ("en", "review", "check")])
def test_a_held_invoice_and_a_payment_being_checked_have_each_their_own_word(
    lang: Lang, held: str, checked: str
) -> None:
    said = sentences(lang)
    of_held = ["invoice.status.held", *(f"page.billing.held{end}" for end in ("", "_count", "_short"))]
    of_payments = {
        key: sentence
        for key, sentence in said.items()
        if key.partition(".")[0] == "payment" and held in sentence
    }

    assert len({said[key] for key in of_held}) == 1
    assert held in said["invoice.status.held"]
    assert checked not in said["invoice.status.held"]
    assert checked in said["payment.status.checked"].casefold()
    assert of_payments == {}


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_no_two_states_that_stand_side_by_side_look_alike(lang: Lang) -> None:
    said = sentences(lang)
    families = (
        ("invoice.status.", "payment.status."),
        ("payment.state.",),
        ("payment.verdict.",),
        ("billing.state.",),
    )

    for family in families:
        words = [sentence for key, sentence in said.items() if key.startswith(family)]
        assert len(set(words)) == len(words)


def sign_at_the_end(sentence: str) -> str:
    return sentence[-1].translate(str.maketrans("؟،؛", "?,;")) if sentence[-1] in ".?!…:,;؟،؛" else ""


def test_both_languages_end_a_sentence_alike() -> None:
    """But for “No.”, which is short for number."""
    fa, en = sentences("fa"), sentences("en")

    assert {key for key in fa if sign_at_the_end(fa[key]) != sign_at_the_end(en[key])} == {
        "page.invoice.paper.row"
    }


# After an Arabic letter the parts of a date stand in the other order, unless it is isolated.
LOOSE_DATE = re.compile("(?<!\u2066)[۰-۹]{4}-[۰-۹]{2}-[۰-۹]{2}")


def test_a_date_in_a_persian_sentence_is_held_together() -> None:
    assert [key for key, sentence in sentences("fa").items() if LOOSE_DATE.search(sentence)] == []
    assert LOOSE_DATE.search("مانند ۱۴۰۵-۰۹-۰۷")


def figures(sentence: str) -> list[str]:
    """The numbers of a sentence, in Latin digits; a time of day by its hour."""
    plain = sentence.translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹٬٫", "0123456789,."))
    return sorted(
        re.findall(r"\d[\d,.-]*\d|\d", re.sub(r"\{[^}]*\}", "", plain).replace("03:00", "3"), re.ASCII)
    )


def test_both_languages_name_the_same_figures() -> None:
    fa, en = sentences("fa"), sentences("en")

    assert {key for key in fa if figures(fa[key]) != figures(en[key])} == set()
    assert figures("تا ۷۲ ساعت، {n} روز") == ["72"] != figures("within 48 hours")


def latin_words(sentence: str) -> set[str]:
    return {word.rstrip(".") for word in re.findall(r"[A-Za-z][\w.@/-]*", re.sub(r"\{[^}]*\}", "", sentence))}


def test_a_latin_word_in_a_persian_sentence_is_a_name_that_english_has_too() -> None:
    fa, en = sentences("fa"), sentences("en")

    assert {key: found for key in fa if (found := latin_words(fa[key]) - latin_words(en[key]))} == {}
    assert latin_words("در pg_hba.conf مجاز کنید {n}.") == {"pg_hba.conf"}
