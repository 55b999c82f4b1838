"""Names of machines inside sentences of either direction."""

import pytest

from portal.components.isolated import TextPart, parts_of


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("همه چیز", [("همه چیز", False)], id="no name"),
        pytest.param("\u2066api-7f\u2069 گیر کرد", [("api-7f", True), (" گیر کرد", False)], id="a name first"),
        pytest.param("کار \u2068مینا\u2069", [("کار ", False), ("مینا", False)], id="a Persian name"),
        pytest.param("\u2066b\u2069 c \u2068d\u2069", [("b", True), (" c ", False), ("d", True)], id="two"),
        pytest.param("a \u2066b", [("a \u2066b", False)], id="one that never ends"),
    ],
)  # fmt: skip
def test_a_sentence_falls_into_words_and_names(sentence: str, expected: list[tuple[str, bool]]) -> None:
    assert parts_of(sentence) == [TextPart(text=text, is_name=is_name) for text, is_name in expected]
