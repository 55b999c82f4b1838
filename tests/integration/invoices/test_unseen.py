"""What a scraper did not see, or not by the same job, is billed once, and what cannot be proven is held."""

import pytest

from backend.tenants.types import Tenant
from tests.integration.invoices.bills import LookAt, bill, proven, tokens_of
from tests.integration.usage import unseen
from tests.integration.usage.nights import FIRST, RATE, SECOND, THIRD, A
from tests.integration.usage.world import World


def named(worlds: list[World], name: str) -> World:
    return next(world for world in worlds if world.name == name)


@pytest.mark.parametrize("name", ["apart", "apart-gap"])
def test_counters_and_start_times_of_different_jobs_meet(
    name: str, look_at: LookAt, tenant_a: Tenant
) -> None:
    look_at(name)

    bill(FIRST, SECOND, THIRD)

    true = proven(named(unseen.apart_worlds(), name), A, FIRST, THIRD)
    # The jobs scrape some seconds apart, so the end of a life may be seen by the counters' job alone.
    assert sum(tokens_of(tenant_a).values()) == pytest.approx(true, abs=2 * RATE[A])
