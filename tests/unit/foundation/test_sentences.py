"""Where sentences come from, and what a person at a terminal reads of a failure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.errors import Conflict, Refused, Unavailable
from backend.i18n import catalog
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text, sentence_of


@pytest.fixture
def hello(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose sentences nobody has read yet."""
    monkeypatch.setattr(catalog, "_folders", [*catalog._folders])
    yield tmp_path
    monkeypatch.undo()
    catalog.sentences.cache_clear()


def test_a_features_folder_brings_its_own_sentences(hello: Path) -> None:
    (hello / "fa.toml").write_text('[page.hello]\ntitle = "سلام {name}"\n')
    (hello / "en.toml").write_text('[page.hello]\ntitle = "Hello {name}"\n')
    for _ in range(2):
        catalog.add_folders([hello, hello])

    assert [text("page.hello.title", lang, name="x") for lang in catalog.LANGUAGES] == ["سلام x", "Hello x"]


@pytest.mark.parametrize(("lang", "at", "day"), [("fa", "۱۴۰۵", "آذر"), ("en", "13:30", "Nov")])
def test_an_error_tells_a_day_and_an_instant_as_its_reader_writes_them(lang: Lang, at: str, day: str) -> None:
    instant = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    cool_down = Conflict(reason="run_cool_down", until=instant)
    failed = Refused(reason="run_billing_failed", day=instant.date())

    assert at in error_text(cool_down, lang)
    assert day in error_text(failed, lang)


def test_a_folder_without_sentences_is_fine(hello: Path) -> None:
    before = catalog.sentences("fa")
    catalog.add_folders([hello])

    assert catalog.sentences("fa") == before


def test_a_key_stands_in_one_file_only(hello: Path) -> None:
    (hello / "fa.toml").write_text('[brand]\nname = "x"\n')
    catalog.add_folders([hello])

    with pytest.raises(ValueError, match=r"fa\.toml holds sentences of another file: brand\.name"):
        catalog.sentences("fa")


@pytest.mark.parametrize(
    ("service", "cause", "key"),
    [
        ("database", "password", "error.database_cause.password"),
        ("database", None, "error.unavailable.database"),
        ("mail", "connection", "error.unavailable.mail"),
    ],
)
def test_a_cause_is_explained_of_the_database_only(service: str, cause: str | None, key: str) -> None:
    lost = Unavailable(service=service, cause=cause) if cause else Unavailable(service=service)

    assert sentence_of(lost) == text(key, "en")
