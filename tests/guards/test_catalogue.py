"""Every sentence exists in Persian and English, with the same places, and every key in the code exists."""

from backend.i18n.catalog import sentences
from tests.guards import rules
from tests.guards.rules import PRODUCTION, Source

# Proper names and symbols that Persian text writes in Latin letters too.
LATIN_IN_PERSIAN = frozenset({"unit.json", "language.en", "nav.english"})


def test_both_languages_hold_the_same_keys_and_places() -> None:
    assert rules.catalogue_differences(sentences("fa"), sentences("en")) == []


def test_a_missing_sentence_and_a_lost_place_are_seen() -> None:
    found = rules.catalogue_differences({"a": "{x}", "b": ""}, {"a": "{y}"})

    assert found == ["b stands in one language only", "a has other places"]


def test_no_persian_sentence_was_left_in_english() -> None:
    assert set(rules.untranslated(sentences("fa"))) <= LATIN_IN_PERSIAN


def test_an_english_sentence_among_the_persian_ones_is_seen() -> None:
    assert rules.untranslated({"a": "Sign in {name}", "b": "ورود {name}"}) == ["a"]


def test_every_key_in_the_code_is_in_the_catalogue() -> None:
    sections = {key.partition(".")[0] for key in sentences("fa")}
    used = rules.used_keys(rules.sources(*PRODUCTION), sections)

    assert used - sentences("fa").keys() == set()


def test_a_key_that_nobody_wrote_a_sentence_for_is_seen() -> None:
    code = Source("portal/x.py", 't("page.none_such")')

    assert rules.used_keys([code], {"page"}) == {"page.none_such"}
