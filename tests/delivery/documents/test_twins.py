"""The manual says the same in both languages, and says it in Persian as Persian is written."""

import re

import pytest

from tests.delivery.documents.manual import LANGUAGES, blocks, headings, pages, prose, without_blocks
from tests.guards.test_persian import persian_faults

# Names that Persian readers read in Latin, too; everything else has a Persian word.
LATIN = re.compile(
    r"[\w.+-]*[A-Z][\w.+-]*|v?\d[\w.]*|https?://\S+|macOS|mkdocs|[a-z]+@[a-z.]+|kB|ms|[\w-]+\.(?:md|json|ya?ml)"
)


def test_both_languages_have_the_same_pages() -> None:
    persian, english = (set(pages(lang)) for lang in LANGUAGES)

    assert persian == english
    assert "devops-guide.md" not in persian or len(persian) >= 15


def shape(page: str) -> dict[str, object]:
    """What must be the same in both languages."""
    rows = [line.count("|") for line in without_blocks(page).splitlines() if line.startswith("|")]
    return {
        "headings": [level for level, _ in headings(page)],
        "blocks": [(block.mark, block.info, block.text) for block in blocks(page)],
        "tables": rows,
        "links": [re.sub(r"#.*|-(?:fa|en)(?=\.)", "", link) for link in re.findall(r"\]\(([^)\s]+)", page)],
    }


@pytest.mark.parametrize("name", sorted(pages("en")))
def test_a_page_has_the_same_shape_in_both_languages(name: str) -> None:
    assert shape(pages("fa")[name]) == shape(pages("en")[name])


@pytest.mark.parametrize("name", sorted(pages("fa")))
def test_a_persian_page_is_written_as_persian_is_written(name: str) -> None:
    lines = prose(pages("fa")[name]).splitlines()
    found = {line.strip(): faults for line in lines if (faults := persian_faults(line.strip()))}

    assert found == {}


@pytest.mark.parametrize("name", sorted(pages("fa")))
def test_a_persian_page_has_persian_digits_and_words(name: str) -> None:
    said = LATIN.sub(" ", prose(pages("fa")[name]))

    assert re.findall(r"[0-9]+|[A-Za-z]{2,}", said) == []
    assert re.search("[\u064a\u0643]", pages("fa")[name]) is None


@pytest.mark.parametrize("name", sorted(pages("en")))
def test_an_english_page_has_no_persian_but_words_that_it_explains(name: str) -> None:
    persian = re.findall(r"[آ-ی]{2,}", prose(pages("en")[name], code="it"))

    assert len(persian) < 10
