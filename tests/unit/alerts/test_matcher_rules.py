"""Matchers are read as people write them, and written as Alertmanager reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.alerts.matcher_rules import fits_nothing, matchers_in, matchers_of
from backend.alerts.types import Matcher
from backend.errors import Invalid, Refused


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param('a="1"', Matcher(name="a", value="1"), id="equal"),
        pytest.param("a=1", Matcher(name="a", value="1"), id="without quotation marks"),
        pytest.param(' a = "1" , ', Matcher(name="a", value="1"), id="spaces and a comma"),
        pytest.param('a!="1"', Matcher(name="a", value="1", is_equal=False), id="not equal"),
        pytest.param('a=~"1|2"', Matcher(name="a", value="1|2", is_regex=True), id="expression"),
        pytest.param('a!~"1.*"', Matcher(name="a", value="1.*", is_regex=True, is_equal=False), id="not"),
        pytest.param('a="say \\"x\\" \\\\ \\n"', Matcher(name="a", value='say "x" \\ \n'), id="escapes"),
        pytest.param('a="سلام دنیا"', Matcher(name="a", value="سلام دنیا"), id="Persian"),
    ],
)
def test_a_line_is_a_matcher(written: str, expected: Matcher) -> None:
    found = matchers_in(f'always="here"\n{written}')

    assert found[1] == expected


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        pytest.param(" \n ", "no_matcher", id="nothing"),
        pytest.param("1a=2", "matcher", id="no label"),
        pytest.param("a", "matcher", id="no operator"),
        pytest.param('a="1" b="2"', "matcher", id="two in a line"),
        pytest.param('a=~"("', "matcher", id="no expression"),
        pytest.param(f'a="{"x" * 501}"', "matcher", id="a long value"),
        pytest.param('a!="1"', "matches_all", id="fits who has no such label"),
        pytest.param('a=~".*"\nb=""', "matches_all", id="fits everything"),
        pytest.param("\n".join(f"a{number}=1" for number in range(51)), "many_matchers", id="many"),
    ],
)
def test_what_is_no_matcher_is_refused(written: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        matchers_in(written)

    assert refused.value.data["reason"] == reason


values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)


@given(values, st.booleans())
def test_a_matcher_that_is_written_is_read_as_it_was(value: str, is_equal: bool) -> None:
    matcher = Matcher(name="a", value=value, is_equal=is_equal)

    assert matchers_in(f'always="here"\n{matcher}')[1:] == (
        (matcher,) if str(matcher) != 'always="here"' else ()
    )


def test_a_label_with_a_line_break_stays_in_its_line() -> None:
    matcher = Matcher(name="pod", value='a\nb="c"')

    assert "\n" not in str(matcher)
    assert matchers_in(str(matcher)) == (matcher,)


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        pytest.param(Matcher(name="a", value="1"), False, id="a value"),
        pytest.param(Matcher(name="a", value=""), True, id="no value"),
        pytest.param(Matcher(name="a", value="", is_equal=False), False, id="some value"),
        pytest.param(Matcher(name="a", value="x*", is_regex=True), True, id="perhaps nothing"),
        pytest.param(Matcher(name="a", value="x+", is_regex=True), False, id="something"),
    ],
)
def test_who_fits_whatever_has_no_label_is_known(matcher: Matcher, *, expected: bool) -> None:
    assert fits_nothing(matcher) == expected


def test_an_alert_is_silenced_by_all_that_tells_it_from_others() -> None:
    found = matchers_of({"alertname": "A", "pod": "p", "odd": "x", "service": "", "job": "j"})

    assert [str(matcher) for matcher in found] == ['alertname="A"', 'job="j"', 'pod="p"', 'odd="x"']


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({"alertname": "A", "path": "x" * 501}, id="a long one"),
        pytest.param({"alertname": "A"} | {f"label_{number}": "x" for number in range(50)}, id="many"),
    ],
)
def test_an_alert_whose_labels_do_not_fit_a_silence_is_not_silenced_with_others(
    labels: dict[str, str],
) -> None:
    with pytest.raises(Refused):
        matchers_of(labels)
