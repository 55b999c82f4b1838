"""Persian is written as Persian is written: in the catalogues, and wherever the code says something in it."""

import ast
import re
from collections.abc import Iterable

import pytest

from backend.i18n.catalog import sentences
from tests.guards.rules import PRODUCTION, ROOT, Source, parsed, sources


def test_a_persian_sentence_has_persian_digits() -> None:
    """But for what a machine reads: names such as UTF8, and addresses."""
    machines = re.compile(r"\{[^}]*\}|%[0-9A-F]{2}|[\w.:/@-]*[A-Za-z][\w.:/@-]*|[0-9]+[.:][0-9.:]+", re.ASCII)
    said = {key: machines.sub("", sentence) for key, sentence in sentences("fa").items()}

    assert {key: sentence for key, sentence in said.items() if re.search(r"[0-9]", sentence)} == {}


@pytest.mark.parametrize("word", ["رایانامه", "کارساز"])
def test_persian_is_what_its_readers_say(word: str) -> None:
    assert [key for key, sentence in sentences("fa").items() if word in sentence] == []


# What may not stand in a Persian sentence, and what the rule is called. A joiner is the half space.
_PERSIAN_FAULTS = {
    "a Latin comma, semicolon or question mark": r"[آ-ی}\u200c][,;?]|[,;?] ?[آ-ی]",
    "an Arabic yeh or kaf": "[يكى]",
    "two spaces": "  ",
    "a space before a mark": " [،؛.؟!:](?= |$)",
    "a space after می or نمی": r"(?<![آ-ی\u200c])(?:ن?می) [آ-ی]",
    "a space before ها, های or هایی": r"[آ-ی] ها(?:یی?|یشان|یتان)?(?![آ-ی\u200c])",
    "a space before تر or ترین": r"[آ-ی] تر(?:ین)?(?![آ-ی])",
    "a useless half space": r"\u200c(?:[ .،؛:؟]|\u200c|$)| \u200c",
    "a straight quotation mark": r"[\"'“”]",
    "an old way of writing an ezafe": r"ه\u200cی(?= )|ۀ",
    "a compound in two words": r"(?<![آ-ی\u200c])(?:به عنوان|جست و جو|هم چنین|هم زمان|پیش تر|هیچ کس|به محض)(?![آ-ی])",
    "a word that is retired for another": (
        r"رایانامه|کارساز|پرومتئوس|برگزینید|استرداد|توسط|صورتحساب|صورت حساب|اکانت|پسورد|کد رهگیری"
        r"|سامانهٔ اندازه‌گیری|شمارنده|صفحه را تازه|با بانک بررسی|صورت‌حساب (?:نشده|شده|می‌شود)"
        r"|(?<![آ-ی\u200c])نامه(?:ها)?(?![آ-ی])|(?<![آ-ی\u200c])نامه‌(?:ها|ای)|درگاه DATABASE|پرداخت شما رسید"
    ),
}


def persian_faults(sentence: str) -> list[str]:
    """The names of the rules that a Persian sentence breaks; what a machine reads is left out."""
    said = re.sub(r" (?:%[0-9A-F]{2}|[@:/?#%._-])(?= )", "", sentence)
    return [name for name, fault in _PERSIAN_FAULTS.items() if re.search(fault, said)]


def test_persian_sentences_are_written_as_persian_is_written() -> None:
    found = {key: persian_faults(sentence) for key, sentence in sentences("fa").items()}

    assert {key: faults for key, faults in found.items() if faults} == {}


@pytest.mark.parametrize(
    "sentence",
    [
        "پرداخت شد, رسید", "شد; رسید", "پرداخت؟ شد?", "شركت", "علي", "پرداخت  شد", "پرداخت شد .", "بانک می گوید",
        "بانک نمی پذیرد", "صورت‌حساب ها", "پرداخت های شما", "بزرگ تر", "پرداخت\u200c شد", "این نامه رسید است",
        "نامه‌ها", "رایانامه", "پرداخت شما رسید", "دکمهٔ 'پرداخت'", "صادرکننده‌ی کارت", "به عنوان بها",
        "شمارنده‌ها", "صورت‌حساب شده است",
    ],
)  # fmt: skip
def test_a_badly_written_persian_sentence_is_seen(sentence: str) -> None:
    assert persian_faults(sentence) != []


def test_a_programme_and_a_certificate_are_no_letters() -> None:
    assert persian_faults("برنامهٔ اجرا، گواهی‌نامه و پرداخت‌ها؛ بزرگ‌تر می‌شود؟") == []


# The gateway's own sentences, which the sandbox repeats to the letter.
_SPOKEN_BY_OTHERS = {"backend/sandbox/zibal/codes.py"}


def persian_texts(files: Iterable[Source]) -> set[str]:
    """What is said in Persian outside the catalogues, such as on the sandbox's bank page, without its HTML tags."""
    constants = (
        node.value for file in files for node in ast.walk(parsed(file.text)) if isinstance(node, ast.Constant)
    )
    texts = {re.sub(r"<[^>]*>|^[^<>]*>|<[^<>]*$", "", value) for value in constants if isinstance(value, str)}
    return {text for text in texts if re.search("[آ-ی]", text)}


def test_persian_outside_the_catalogues_is_written_as_persian_is_written() -> None:
    files = (each for each in sources("portal", "backend/sandbox") if each.path not in _SPOKEN_BY_OTHERS)

    assert {text: faults for text in persian_texts(files) if (faults := persian_faults(text))} == {}


def test_persian_between_tags_is_seen() -> None:
    code = Source("backend/sandbox/x.py", "page(f'<b class=\"a\">صورت حساب {n}</b>')")

    assert [persian_faults(text) for text in persian_texts([code])] == [
        ["a word that is retired for another"]
    ]


def test_no_page_and_no_catalogue_has_letters_of_another_keyboard() -> None:
    """Who searches with a Persian keyboard would not find them: no search of ours brings them together."""
    folders = [ROOT / name for name in (*PRODUCTION, "docs")]
    papers = [
        path for folder in folders for kind in ("md", "toml", "j2") for path in folder.rglob(f"*.{kind}")
    ]
    papers += ROOT.glob("*.md")
    found = {str(path.relative_to(ROOT)) for path in papers if re.search("[\u064a\u0643]", path.read_text())}

    assert len(papers) > 100
    assert found == set()


def fields_without_words(files: Iterable[Source]) -> list[str]:
    """Fields that must be filled, and leave it to the browser, in its own language, to say so."""
    fields = (
        (file.path, node)
        for file in files
        for node in ast.walk(parsed(file.text))
        if isinstance(node, ast.Call)
        if any(each.arg == "required" and ast.unparse(each.value) == "True" for each in node.keywords)
    )
    return [f"{path}:{node.lineno}" for path, node in fields if "data-missing" not in ast.unparse(node)]


def test_no_browser_speaks_for_the_portal() -> None:
    assert fields_without_words(sources("portal")) == []
    assert fields_without_words([Source("portal/x.py", "rx.el.input(id='a', required=True)")]) == [
        "portal/x.py:1"
    ]
