"""Which tests a mutant meets, and in which order."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain, zip_longest

from tests.mutants.mutant import Mutant
from tests.mutants.reach import Reach

UNIT = "tests/unit/"
# What does not fall to so many tests with servers does not fall to the next either, and an hour has an end.
MOST_TESTS = 60
MOST_SECONDS = 60.0


def chosen_tests(mutant: Mutant, reach: Reach) -> list[str]:
    """The tests for a mutant, fastest first: every test of pure rules that runs it, and a number of those with servers.

    Of too many, two orders take turns. In one, those of its own feature come before others, and each file of tests
    sends its fastest before any sends a second one. In the other, those come first that run what few others run of
    the feature: a test of a rare case meets the common lines, too.
    """
    feature = mutant.file.split("/")[1]
    found = mutant.tests(reach)
    pure = {name for name in found if name.startswith(UNIT)}
    own = {name for name in found - pure if name.split("/")[2] == feature}
    fitting, seconds = [], 0.0
    usual = [*_turns(own, reach), *_turns(found - pure - own, reach)]
    rare = sorted(usual, key=lambda name: -_rarity(name, feature, reach))
    for name in dict.fromkeys(chain.from_iterable(zip(usual, rare, strict=True))):
        took = reach.tests[name].seconds
        if len(fitting) == MOST_TESTS:
            break
        # One that is too long is still the only one there is.
        if seconds + took <= MOST_SECONDS or not fitting:
            fitting.append(name)
            seconds += took
    return sorted([*pure, *fitting], key=lambda name: _pace(name, reach))


def _turns(names: Iterable[str], reach: Reach) -> list[str]:
    by_file: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names, key=lambda each: _pace(each, reach)):
        by_file[name.partition("::")[0]].append(name)
    rounds = zip_longest(*by_file.values())
    return [name for each in rounds for name in each if name is not None]


def _rarity(name: str, feature: str, reach: Reach) -> float:
    """The lines of a feature that a test runs; each counts less, the more tests run it."""
    runs = _runs(reach, feature)
    return sum(1 / runs[line] for line in _lines(reach, name, feature))


@cache
def _runs(reach: Reach, feature: str) -> Mapping[tuple[str, int], int]:
    """How many tests run each line of a feature."""
    return Counter(line for name in reach.tests for line in _lines(reach, name, feature))


def _lines(reach: Reach, name: str, feature: str) -> Iterator[tuple[str, int]]:
    by_file = reach.tests[name].lines.items()
    return ((file, line) for file, lines in by_file if file.split("/")[1] == feature for line in lines)


def _pace(name: str, reach: Reach) -> tuple[float, str]:
    return reach.tests[name].seconds, name
