"""Which tests stay together when several workers run them: a file, or all that share what is dear to make."""

import pytest
from xdist.scheduler import LoadScopeScheduling

# The mark `xdist_group` would name these beside each test, but it has no effect with pytest 9.2.
TOGETHER = {
    "tests/e2e/": "the stack",
    "tests/integration/usage/": "the past days",
    "tests/integration/invoices/test_faulty_nights.py": "the past days",
    "tests/integration/invoices/test_unseen.py": "the past days",
}
LONGEST_FIRST = list(dict.fromkeys(TOGETHER.values()))


def unit_of(nodeid: str) -> str:
    """The name of what a test stays together with."""
    path = nodeid.partition("::")[0]
    return next((unit for prefix, unit in TOGETHER.items() if path.startswith(prefix)), path)


def sort_longest_first(items: list[pytest.Item]) -> None:
    """Put the large units before the files, because a large one at the end leaves the other workers idle."""
    rank = {unit: place for place, unit in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(unit_of(item.nodeid), len(rank)))


class UnitScheduling(LoadScopeScheduling):
    """Give each worker a unit at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
