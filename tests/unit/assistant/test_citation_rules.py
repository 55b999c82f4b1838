"""A sentence of an answer is shown only when the lines that it cites hold its words, numbers, code and limits."""

import re
import tomllib
from typing import Any

import pytest

from backend.assistant.answer_input_rules import numbered
from backend.assistant.answer_types import ChunkPlace, CitationRefusal, NumberedLine
from backend.assistant.citation_rules import refusal_of, speaks_to_a_model
from backend.documents.splitting_rules import chunks_of, shown
from runbooks.documents import documents
from tests.guards.rules import ROOT

EN = {
    1: "Too few pods for the load: add some, and look again after five minutes.",
    2: "Slow since a deployment: `kubectl -n docuchat-prod rollout undo deploy/docuchat-api`.",
    3: "Nobody has to be called at night as long as `HighErrorRate` does not fire.",
    4: "Call the DocuChat team when p95 is above ten seconds.",
    5: "If they are gone already, there are fewer processes than needed, or none.",
    6: "The mail server was away.",
}
FA = {
    1: "اگر پادها برای این بار کم‌اند، چند پاد بیفزایید و پنج دقیقه بعد دوباره نگاه کنید.",
    2: "شبانه تماس لازم نیست. صبح به حسابداری خبر دهید.",
    3: "اگر p95 از ده ثانیه گذشت، به تیم داکیوچت زنگ بزنید.",
    4: "اگر از استقراری به بعد کند شده است: `kubectl -n docuchat-prod rollout undo deploy/docuchat-api`.",
}
STATEMENT_END = re.compile(r"(?<=[.;!?؟؛])\s+")
SCALE = "kubectl -n docuchat-prod scale deploy/docuchat-api --replicas=6"


def lines(texts: dict[int, str], lang: Any) -> dict[int, NumberedLine]:
    place = ChunkPlace(name="HighLatency", lang=lang, number=4)
    return {
        number: NumberedLine(
            number=number, place=place, title="", heading="", text=text, code=SCALE if number == 1 else ""
        )
        for number, text in texts.items()
    }


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("Add some pods, and look again after five minutes.", [1]),
        ("Look again after 5 minutes.", [1]),
        (f"Add some pods for the load: `{SCALE}`", [1]),
        ("Slow since a deployment: `kubectl -n docuchat-prod rollout undo deploy/docuchat-api`.", [2]),
        ("When p95 is above ten seconds, call the DocuChat team.", [4]),
        ("Add some pods; when p95 is above ten seconds, call the DocuChat team.", [1, 4]),
        (EN[3], [3]),
        (EN[5], [5]),
    ],
)
def test_what_the_lines_say_is_shown(sentence: str, cited: list[int]) -> None:
    assert refusal_of(sentence, cited, lines(EN, "en"), "en") is None


@pytest.mark.parametrize(
    ("sentence", "cited"),
    [
        ("چند پاد بیفزایید و ۵ دقیقه بعد دوباره نگاه کنید، اگر پادها کم‌اند.", [1]),
        ("شبانه تماس لازم نيست.", [2]),
        ("صبح به حسابداری خبر دهید.", [2]),
        (FA[4], [4]),
    ],
)
def test_what_persian_lines_say_is_shown(sentence: str, cited: list[int]) -> None:
    assert refusal_of(sentence, cited, lines(FA, "fa"), "fa") is None


@pytest.mark.parametrize(
    ("sentence", "cited", "refusal"),
    [
        ("Look again after five minutes.", [], CitationRefusal.UNCITED),
        ("Look again after five minutes.", [9], CitationRefusal.UNCITED),
        ("Look again after five minutes.", [1, 9], CitationRefusal.UNCITED),
        ("Look again after five minutes.", [1, 2, 3], CitationRefusal.UNCITED),
        ("", [1], CitationRefusal.LENGTH),
        ("look " * 100, [1], CitationRefusal.LENGTH),
        ("دوباره نگاه کنید.", [1], CitationRefusal.LETTERS),
        ("Look again` after five minutes.", [1], CitationRefusal.LETTERS),
        ("Look again at evil.example.", [1], CitationRefusal.ADDRESS),
        ("Look again at https://evil.", [1], CitationRefusal.ADDRESS),
        ("Look again: `kubectl delete namespace docuchat-prod`", [1], CitationRefusal.COMMAND),
        (f"Look again: `{SCALE[:-1]}60`", [1], CitationRefusal.COMMAND),
        ("Slow since a deployment: `kubectl -n docuchat-prod rollout`", [2], CitationRefusal.COMMAND),
        ("Slow since a deployment: kubectl rollout undo.", [2], CitationRefusal.COMMAND),
        ("Look again after fifty minutes.", [1], CitationRefusal.NUMBER),
        ("Look again after 50 minutes.", [1], CitationRefusal.NUMBER),
        ("Look again after five minutes.", [4], CitationRefusal.NUMBER),
        ("Look again after five hours.", [1], CitationRefusal.WORD),
        ("Call the platform team when p95 is above ten seconds.", [4], CitationRefusal.WORD),
        ("The mail server was away because of a deployment.", [6], CitationRefusal.WORD),
        ("Everything is fine.", [1], CitationRefusal.WORD),
        ("Nobody has to be called at night.", [3], CitationRefusal.NEGATION),
        ("Somebody has to be called at night.", [3], CitationRefusal.WORD),
        ("The mail server was not away.", [6], CitationRefusal.WORD),
        ("There are fewer processes than needed, or none.", [5], CitationRefusal.CONDITION),
        ("Call the DocuChat team.", [4], CitationRefusal.CONDITION),
    ],
)
def test_what_the_lines_do_not_say_is_refused(
    sentence: str, cited: list[int], refusal: CitationRefusal
) -> None:
    assert refusal_of(sentence, cited, lines(EN, "en"), "en") is refusal


@pytest.mark.parametrize(
    ("sentence", "cited", "refusal"),
    [
        ("شبانه تماس لازم است.", [2], CitationRefusal.NEGATION),
        ("به تیم داکیوچت زنگ بزنید.", [3], CitationRefusal.CONDITION),
        ("اگر p95 از سی ثانیه گذشت، به تیم داکیوچت زنگ بزنید.", [3], CitationRefusal.NUMBER),
        ("صبح به مدیرعامل خبر دهید.", [2], CitationRefusal.WORD),
        ("Look again.", [1], CitationRefusal.LETTERS),
        ("دستور kubectl delete را اجرا کنید.", [4], CitationRefusal.COMMAND),
    ],
)
def test_what_persian_lines_do_not_say_is_refused(
    sentence: str, cited: list[int], refusal: CitationRefusal
) -> None:
    assert refusal_of(sentence, cited, lines(FA, "fa"), "fa") is refusal


TWISTED = [
    ("MetricsStorageFailing", "en", "Do not delete blocks", "Delete blocks and do not enlarge the volume."),
    ("MetricsStorageFailing", "en", "Do not delete blocks", "Delete blocks: do not enlarge the volume."),
    ("MetricsStorageFailing", "fa", "بلوک‌ها را حذف", "بلوک‌ها را بزرگ‌تر کنید و فضا را اگر پر است حذف نکنید."),
    ("MailServerRefuses", "en", "refuses us", "The mail server refuses the recipient, not us."),
    ("PaymentChecksLate", "en", "No money", "The gateway does answer: no money is moved meanwhile."),
    ("PaymentChecksLate", "en", "No money", "Money is moved meanwhile, and payers do not wait."),
]


@pytest.mark.parametrize(("page", "lang", "words", "sentence"), TWISTED)
def test_the_opposite_of_a_shipped_line_is_refused(page: str, lang: Any, words: str, sentence: str) -> None:
    [document] = [each for each in documents() if (each.name, each.lang) == (page, lang)]
    known = {line.number: line for line in numbered(chunks_of(document))}
    [cited] = [number for number, line in known.items() if words in line.text]

    assert refusal_of(known[cited].text, [cited], known, lang) is None
    assert refusal_of(sentence, [cited], known, lang) is not None


@pytest.mark.parametrize(
    ("lang", "line", "sentence"),
    [
        ("en", "Scale from 3 to 6 replicas.", "Scale from 6 to 3 replicas."),
        ("en", "Scale from 3 to 6 replicas.", "Scale to 3 from 6 replicas."),
        (
            "en",
            "Wait 5 minutes before you restart PostgreSQL.",
            "Restart PostgreSQL 5 minutes before you wait.",
        ),
        (
            "en",
            "Drop the old database only after the new one was checked.",
            "Drop the new database only after the old one was checked.",
        ),
        (
            "en",
            "Drop the old database only after the new one was checked.",
            "Drop the new one, only after checked.",
        ),
        (
            "en",
            "It is safe to restart web. Do not restart jobs during billing.",
            "It is safe to restart jobs. Do not restart web during billing.",
        ),
        (
            "en",
            "Rollback is not safe when migrations ran, restart is safe.",
            "Restart is not safe, rollback is safe when migrations ran.",
        ),
        (
            "en",
            "Rollback is not safe when migrations ran, restart is safe.",
            "Restart is safe when migrations ran, rollback is not safe.",
        ),
        ("en", "Do not delete blocks, enlarge the volume.", "Do not enlarge the volume."),
        ("en", "Do not delete blocks or restart Prometheus.", "Restart Prometheus."),
        ("en", "Prometheus refuses to delete blocks.", "Delete blocks."),
        ("en", "Call the team instead of the provider.", "Call the provider."),
        ("en", "The provider refused the key.", "The provider was refused the key."),
        ("en", "Restart `web`, not `jobs`.", "Restart `jobs`, not `web`."),
        ("en", "If it is full, enlarge the volume.", "Enlarge the volume."),
        ("en", "If it is full: enlarge the volume.", "Enlarge the volume."),
        ("en", "Never run this: `kubectl delete pvc`.", "`kubectl delete pvc`"),
        ("en", "When it is full, enlarge it. Restart Prometheus.", "Restart Prometheus when it is full."),
        ("en", "When it is full, enlarge it. Restart Prometheus.", "When it is full, restart Prometheus."),
        ("en", "If it is full: enlarge it. Restart Prometheus.", "If it is full: restart Prometheus."),
        ("en", "If it is full: enlarge it. Restart Prometheus.", "If it is full, restart Prometheus."),
        ("fa", "اگر پر است، بزرگ‌تر کنید. پرومتئوس را آغاز کنید.", "اگر پر است، پرومتئوس را آغاز کنید."),
        ("en", "More than one request in ten fails.", "One request in ten fails."),
        ("fa", "تعداد را از ۳ به ۶ برسانید.", "تعداد را از ۶ به ۳ برسانید."),
        ("fa", "تعداد را از ۳ به ۶ برسانید.", "تعداد را به ۳ از ۶ برسانید."),
        ("fa", "فضا را بزرگ‌تر کنید، بلوک‌ها را حذف نکنید.", "فضا را حذف نکنید."),
        ("fa", "فضا را بزرگ‌تر کنید، بلوک‌ها را حذف نکنید.", "بلوک‌ها را بزرگ‌تر کنید، فضا را حذف نکنید."),
        ("fa", "سرور ایمیل گیرنده را رد کرد.", "سرور ایمیل را گیرنده رد کرد."),
        ("fa", "سرور ایمیل رد کرد.", "سرور ایمیل رد شد."),
        (
            "fa",
            "پایگاه کهنه را فقط پس از وارسی پایگاه تازه پاک کنید.",
            "پایگاه تازه را فقط پس از وارسی پایگاه کهنه پاک کنید.",
        ),
        ("fa", "پیش از خاموش کردن وب نسخهٔ پشتیبان بگیرید.", "پیش از نسخهٔ پشتیبان وب خاموش کردن بگیرید."),
        ("fa", "اگر پر است، فضا را بزرگ‌تر کنید.", "فضا را بزرگ‌تر کنید."),
    ],
)
def test_words_of_a_line_in_another_order_or_with_another_limit_are_refused(
    lang: Any, line: str, sentence: str
) -> None:
    assert refusal_of(line, [1], lines({1: line}, lang), lang) is None
    assert refusal_of(sentence, [1], lines({1: line}, lang), lang) is not None


@pytest.mark.parametrize(
    ("lang", "line", "sentence"),
    [
        (
            "en",
            "Full: enlarge the volume. Do not delete blocks.",
            "Enlarge the volume; do not delete blocks.",
        ),
        ("en", "Full: enlarge the volume. Do not delete blocks.", "Do not delete the blocks."),
        ("en", "If it is full: enlarge the volume.", "If full, enlarge the volume."),
        ("en", "If it is full, enlarge the volume.", "Enlarge the volume if it is full."),
        ("en", "Call the platform team, and the provider's.", "Call the platform team."),
        ("en", "Scale from 3 to six replicas.", "Scale from three to 6 replicas."),
        (
            "en",
            "Wait 5 minutes before you restart PostgreSQL.",
            "Before you restart PostgreSQL, wait 5 minutes.",
        ),
        ("en", "A restart is safe: undo with `kubectl undo`.", "Undo with `kubectl undo`."),
        ("fa", "اگر پر است، فضا را بزرگ‌تر کنید.", "فضا را بزرگ‌تر کنید، اگر پر است."),
        ("fa", "اگر پر است، فضا را بزرگ‌تر کنید. بلوک‌ها را حذف نکنید.", "بلوک‌ها را حذف نکنید."),
        ("fa", "تعداد را از سه به ۶ برسانید.", "تعداد را از ۳ به شش برسانید."),
    ],
)
def test_whole_parts_of_a_line_may_be_left_out_or_joined_in_another_way(
    lang: Any, line: str, sentence: str
) -> None:
    assert refusal_of(sentence, [1], lines({1: line}, lang), lang) is None


def test_a_sentence_of_many_parts_is_judged_at_once() -> None:
    told = "go, " * 98 + "up"

    assert refusal_of(told, [1], lines({1: "Up we go, up."}, "en"), "en") is CitationRefusal.ORDER


def test_each_statement_of_a_shipped_line_may_be_told_alone() -> None:
    refused, total = [], 0
    for document in documents():
        known = {line.number: line for line in numbered(chunks_of(document))}
        for number, line in known.items() if not document.name.startswith("docs/") else ():
            for statement in filter(None, STATEMENT_END.split(line.text)):
                total += 1
                if refusal_of(statement, [number], known, document.lang) is not None:
                    refused.append((document.name, document.lang, statement))

    assert (total > 1_500, refused) == (True, [])


def test_every_line_of_every_runbook_may_be_told_word_for_word() -> None:
    refused, total = [], 0
    for document in documents():
        known = {line.number: line for line in numbered(chunks_of(document))}
        for number, line in known.items():
            if document.name.startswith("docs/") or not line.text:
                continue
            total += 1
            if (refusal := refusal_of(line.text, [number], known, document.lang)) is not None:
                refused.append((document.name, document.lang, refusal, line.text))

    assert (total > 400, refused) == (True, [])


def test_no_line_that_is_shipped_speaks_to_a_model_and_every_injection_does() -> None:
    told = tomllib.loads((ROOT / "tests/integration/asking/questions.toml").read_text())["question"]
    shipped = [line for each in documents() for chunk in chunks_of(each) for line in chunk.lines]
    injected = [each["injected"] for each in told if "injected" in each]

    assert [line.text for line in shipped if speaks_to_a_model(f"{shown(line.text)} {line.code}")] == []
    # A comment is on no page, so it is no line either.
    assert [text for text in injected if not speaks_to_a_model(text) and "<!--" not in text] == []
    assert len(injected) == 10
