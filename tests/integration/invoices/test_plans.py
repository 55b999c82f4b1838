"""A plan is what the run then does, also where a day hangs on the one before it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from backend.actor import Actor, Role
from backend.clock import day_window
from backend.invoices import service as invoices
from backend.invoices.types import RunState
from tests import factories
from tests.conftest import forget_caches
from tests.integration.invoices.conftest import INSTANCE, grown, last_closed_day
from tests.past import PastPrometheus, counter, every, process, write_blocks

NIGHT = Actor.process_named("nightly_billing")
OPERATOR = factories.actor(Role.OPERATOR)
DAY = timedelta(days=1)
STEP_S = 300


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PastPrometheus]:
    """A process whose midnights nobody saw for five hours, and nothing at all on the last day."""
    first = last_closed_day() - 4 * DAY
    born = day_window(first).start
    times = [
        at
        for at in every(STEP_S, born + timedelta(seconds=STEP_S), day_window(last_closed_day()).start)
        if all(not -5 * 3600 < at - day_window(first + n * DAY).start.timestamp() < 1200 for n in range(1, 5))
    ]
    server = PastPrometheus(tmp_path_factory.mktemp("gaps"))
    write_blocks(
        server.data_dir,
        [counter("alpha", "prompt", INSTANCE, grown(7, born, times))],
        [process(INSTANCE, born.timestamp() + 1, times)],
        block="54h",
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def planned(database: str, gaps: PastPrometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_URL", gaps.url)
    monkeypatch.setenv("USAGE_MIN_COVERAGE", "0.5")
    forget_caches()


def test_each_day_of_a_plan_opens_with_what_the_day_before_closed(planned: None) -> None:
    factories.tenant("alpha", billed_from=last_closed_day() - 4 * DAY)

    plan = invoices.plan(OPERATOR)
    runs = invoices.bill_open_days(OPERATOR, plan_hash=plan.plan_hash)

    told = [
        (each.day, each.tenants, each.held, each.tokens, each.amount_rial, each.error) for each in plan.days
    ]
    done = [(run.day, run.issued, run.held, run.tokens, run.amount_rial, run.error) for run in runs]
    assert told == done
    assert [run.state for run in runs] == [RunState.FINISHED] * 4 + [RunState.FAILED]
    assert [each.held for each in plan.days] == [0] * 5


def test_a_plan_says_where_the_run_will_fail_and_leaves_out_what_it_leaves_out(planned: None) -> None:
    factories.tenant("alpha", billed_from=last_closed_day() - 6 * DAY)

    plan = invoices.plan(OPERATOR)

    # Nothing ran on the first two days, before anything was measured: the run leaves no trace of them.
    assert [each.day for each in plan.days] == [last_closed_day() - n * DAY for n in range(4, -1, -1)]
    assert [each.error for each in plan.days] == [None] * 4 + ["unavailable.no_processes"]


def test_an_empty_day_that_is_asked_for_is_planned_as_empty(planned: None) -> None:
    factories.tenant("alpha", billed_from=last_closed_day() - 4 * DAY)

    [planned_day] = invoices.plan(OPERATOR, last_closed_day()).days

    assert (planned_day.tenants, planned_day.tokens, planned_day.error) == (0, 0, None)
