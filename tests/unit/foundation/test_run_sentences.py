"""Sentences of a run as its reader sees them: no stored names, and numbers in the digits of the language."""

import pytest

from backend.deploys.types import StuckKind, StuckReason
from backend.errors import Conflict
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text
from backend.runbooks.types import Words
from backend.runbooks.words_rules import said, said_side
from portal import home
from runbooks import registry, rollouts

assert registry.HERE
assert home.__name__  # the sentences of both


@pytest.mark.parametrize("key", ["runbooks.pause_job.paused", "runbooks.pause_job.resumed"])
@pytest.mark.parametrize(("lang", "name"), [("fa", "صدور شبانهٔ صورت‌حساب"), ("en", "Nightly billing")])
def test_a_job_is_told_by_its_name(key: str, lang: Lang, name: str) -> None:
    sentence = said(Words(key=key, values={"job": "nightly_billing"}), lang)

    assert name in sentence
    assert "nightly_billing" not in sentence


@pytest.mark.parametrize(
    ("side", "shown"),
    [
        ("0", "۰"),
        ("12", "۱۲"),
        ("24,691.5", "۲۴٬۶۹۱٫۵"),
        ("3 × 2", "۳ × ۲"),
        ("registry/app:1.2", "registry/app:1.2"),
        ("1.2.3", "1.2.3"),
        ("500m", "500m"),
        ("", ""),
    ],
)
def test_a_side_of_a_change_that_is_a_number_has_the_digits_of_the_language(side: str, shown: str) -> None:
    assert said_side(side, "fa") == shown
    assert said_side(side, "en") == side


def test_whoever_holds_a_target_and_the_target_are_told_by_their_names() -> None:
    locked = Conflict(reason="run_locked", holder="user:mina@x.example", target="job:send_mail")

    assert "کار ارسال ایمیل‌ها" in error_text(locked, "fa")
    assert error_text(locked, "fa").startswith("mina@x.example")
    assert "Job Sending mails" in error_text(locked, "en")


def test_a_hindrance_that_the_cluster_says_nothing_about_is_told_in_a_sentence() -> None:
    quiet = StuckReason(kind=StuckKind.TOO_LONG)
    loud = StuckReason(kind=StuckKind.CRASH, pod="api-1", message="panic")

    assert rollouts.trouble_of(quiet) == Words(key=f"deploy.stuck.{StuckKind.TOO_LONG}")
    assert said(rollouts.trouble_of(loud), "en").endswith("api-1: panic")
    assert text(rollouts.trouble_of(quiet).key, "fa")


@pytest.mark.parametrize("kind", StuckKind)
def test_no_word_of_the_code_stands_for_what_the_cluster_says(kind: StuckKind) -> None:
    assert rollouts.words_of(StuckReason(kind=kind, pod="api-1")) == ""
