"""Rules of matchers: how people write them, and which ones are refused before anybody is asked."""

import re
from collections.abc import Mapping, Sequence

from backend.alerts.types import Matcher
from backend.errors import Invalid, Refused

MOST_MATCHERS = 50
LONGEST_VALUE = 500
# What people look for first; any other label may as well be what tells one alert from another.
_FIRST = ("alertname", "service", "job", "instance", "tenant", "model", "namespace", "pod", "severity")
_LINE = re.compile(
    r"""\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^"\s][^"]*?)\s*,?\s*"""
)
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n"}


def matchers_in(written: str) -> tuple[Matcher, ...]:
    """The matchers that somebody wrote, one in each line: ``alertname="HighLatency"``, ``service=~"api|worker"``.

    Raises:
        Invalid: there is none (``no_matcher``), too many (``many_matchers``), one that cannot be read (``matcher``),
            or nothing but matchers that fit whatever has no such label (``matches_all``).
    """
    # Other signs that some call line breaks may stand in a value.
    lines = [line for line in written.replace("\r\n", "\n").split("\n") if line.strip()]
    if not lines:
        raise Invalid(field="matchers", reason="no_matcher")
    if len(lines) > MOST_MATCHERS:
        raise Invalid(field="matchers", reason="many_matchers", most=MOST_MATCHERS)
    found = tuple(dict.fromkeys(_matcher_in(line, number) for number, line in enumerate(lines, 1)))
    if all(map(fits_nothing, found)):
        raise Invalid(field="matchers", reason="matches_all")
    return found


def _matcher_in(line: str, number: int) -> Matcher:
    read = _LINE.fullmatch(line)
    if read is None:
        raise Invalid(field="matchers", reason="matcher", line=number)
    name, operator, value = read.groups()
    if value.startswith('"'):
        value = _ESCAPED.sub(lambda sign: _ESCAPES.get(sign[1], sign[1]), value[1:-1])
    if len(value) > LONGEST_VALUE or "\0" in value:
        raise Invalid(field="matchers", reason="matcher", line=number)
    is_regex = operator.endswith("~")
    if is_regex and not _is_expression(value):
        raise Invalid(field="matchers", reason="matcher", line=number)
    return Matcher(name=name, value=value, is_regex=is_regex, is_equal=not operator.startswith("!"))


def fits_nothing(matcher: Matcher) -> bool:
    """Whether a matcher fits an alert without the label: Alertmanager wants one, at least, that does not."""
    if not matcher.is_regex:
        return (matcher.value == "") == matcher.is_equal
    try:
        is_found = re.fullmatch(matcher.value, "") is not None
    except re.error:  # Alertmanager reads another dialect, and decides
        return False
    return is_found == matcher.is_equal


def _is_expression(value: str) -> bool:
    # Only what both dialects refuse is refused here: brackets that are not closed, a sign that repeats nothing.
    try:
        re.compile(value)
    except re.error:
        return False
    return True


def matchers_of(labels: Mapping[str, str]) -> tuple[Matcher, ...]:
    """A matcher for each label of an alert, its name first: with one fewer, others would be silenced with it.

    Raises:
        Refused: it has more labels, or longer ones, than a silence can name.
    """
    given = {name: value for name, value in labels.items() if value}
    if len(given) > MOST_MATCHERS or any(len(value) > LONGEST_VALUE for value in given.values()):
        raise Refused(reason="silence_labels")
    names = dict.fromkeys((*(name for name in _FIRST if name in given), *sorted(given)))
    return tuple(Matcher(name=name, value=given[name]) for name in names)


def are_equal(first: Sequence[Matcher], second: Sequence[Matcher]) -> bool:
    """Whether two lists of matchers mean the same."""
    return set(first) == set(second)
