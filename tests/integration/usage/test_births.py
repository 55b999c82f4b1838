"""Where the meters of a process open that began in the window, or not long before it."""

import pytest

from backend.usage.types import OpeningSource, StoredClosings
from tests.integration.usage.conftest import Measure
from tests.integration.usage.scenarios import END, LOOKBACK, START, world_of


def test_a_process_that_began_in_the_window_opens_with_nothing_at_its_start(measure: Measure) -> None:
    measured = measure("churn-1", START, END)

    born = [reading for reading in measured.readings if reading.incarnation_start.timestamp() > START]
    assert born
    for reading in born:
        opened = (reading.opening, reading.opened_at, reading.opening_source)
        assert opened == (0, reading.incarnation_start, OpeningSource.BORN)


@pytest.mark.parametrize(
    ("age_s", "source"), [(LOOKBACK - 2, OpeningSource.BORN), (LOOKBACK + 2, OpeningSource.SCRAPED)]
)
def test_a_process_counts_from_its_birth_unless_that_is_longer_ago_than_anybody_looks(
    age_s: int, source: OpeningSource, measure: Measure
) -> None:
    world = world_of("clean", 1)
    whole = StoredClosings(previous_day=True, incarnations={}, older=lambda _incarnations: {})

    measured = measure(world.name, world.processes[0].start + age_s, END, stored=whole)

    readings = [each for each in measured.readings if each.instance == world.processes[0].instance]
    assert {reading.opening_source for reading in readings} == {source}
