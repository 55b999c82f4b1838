"""Where sentences come from, and what a person at a terminal reads of a failure."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.errors import Unavailable
from backend.i18n import catalog
from backend.i18n.catalog import text
from backend.i18n.errors import sentence_of


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
