"""Rules we care about hold in the whole house, and each is seen to fail when it is broken."""

from collections.abc import Callable

import pytest

from tests.guards import rules
from tests.guards.rules import PRODUCTION, Source, sources

Rule = Callable[[Source], list[str]]

BROKEN: dict[str, tuple[Rule, Source]] = {
    "models only by repositories": (
        rules.foreign_models,
        Source("backend/invoices/service.py", "from backend.tenants.models import TenantRow"),
    ),
    "repositories only by their own service": (
        rules.foreign_repositories,
        Source("backend/invoices/service.py", "from backend.tenants import repository"),
    ),
    "portal and jobs only through services": (
        rules.side_doors,
        Source("portal/features/usage/state.py", "from backend.usage.repository import rows"),
    ),
    "only db.engine commits": (
        rules.commits,
        Source("backend/usage/repository.py", "def f(c):\n    c.commit()"),
    ),
    "SQL only in repositories": (
        rules.sql_outside_repositories,
        Source("backend/usage/service.py", "from sqlalchemy import text"),
    ),
    "repositories join the open transaction and are given none": (
        rules.given_connections,
        Source("backend/usage/repository.py", "def days(connection: Connection, first: date): ..."),
    ),
    "services hold no connection": (
        rules.given_connections,
        Source("backend/usage/service.py", "with transaction() as connection:\n    f(connection)"),
    ),
    "one place starts a thread beside the present one": (
        rules.threads_of_one,
        Source("backend/usage/service.py", "with ThreadPoolExecutor(1) as side:\n    side.submit(read)"),
    ),
    "now is a parameter of rules": (
        rules.clocks_in_rules,
        Source("backend/usage/rules.py", "from backend import clock\nx = clock.utc_now()"),
    ),
    "days from people are read in their own calendar": (
        rules.days_read_as_gregorian,
        Source(
            "backend/tenants/__main__.py", "parser.add_argument('--billed-from', type=date.fromisoformat)"
        ),
    ),
    "broad excepts only at the edges": (
        rules.broad_excepts,
        Source("backend/usage/service.py", "try:\n    f()\nexcept Exception:\n    pass"),
    ),
    "services take the actor first": (
        rules.unasked_actors,
        Source("backend/usage/service.py", "def totals(day, actor):\n    require_process(actor)"),
    ),
    "services ask what the actor may do": (
        rules.unasked_actors,
        Source("backend/usage/service.py", "def totals(actor, day):\n    return repository.totals(day)"),
    ),
    "telling a trail, a log or a repository of the actor is no question": (
        rules.unasked_actors,
        Source(
            "backend/usage/service.py",
            "def totals(actor):\n"
            "    audit.record(actor, 'read', 'usage')\n"
            "    log.info('usage.read', by=actor.name)\n"
            "    return repository.totals(actor)",
        ),
    ),
    "handing the actor to one that never asks is no question": (
        rules.unasked_actors,
        Source(
            "backend/usage/service.py",
            "def totals(actor):\n    return _totals(actor)\n\ndef _totals(actor):\n    return actor.name",
        ),
    ),
    "what a service hands out of a module beside it asks, too": (
        rules.unasked_actors,
        Source("backend/payments/service.py", "fingerprint = gateway_service.fingerprint"),
    ),
    "no computed var is told to everybody": (
        rules.told_to_everybody,
        Source(
            "portal/features/usage/state.py", "class S:\n    @rx.var(cache=True)\n    def total(self): ..."
        ),
    ),
    "no computed var comes in by another name": (
        rules.told_to_everybody,
        Source("portal/features/usage/state.py", "from reflex.vars import computed_var as kept"),
    ),
    "what never changes is no var": (
        rules.constants_told_to_browsers,
        Source("portal/features/jobs/state.py", "class S:\n    FOLLOWS = (Topic.JOBS,)"),
    ),
    "the portal finds its features and names none": (
        rules.features_named_outside,
        Source("portal/layout.py", "from portal.features.usage import page"),
    ),
    "no process outlives its starter": (
        rules.unkept_processes,
        Source("backend/sandbox/parts.py", "child = subprocess.Popen(['prometheus'])"),
    ),
    "no module is named after nothing": (rules.naive_names, Source("backend/usage/utils.py", "")),
}


@pytest.mark.parametrize(("rule", "broken"), BROKEN.values(), ids=BROKEN.keys())
def test_the_house_keeps_the_rule(rule: Rule, broken: Source) -> None:
    found = {source.path: wrong for source in sources(*PRODUCTION) if (wrong := rule(source))}

    assert found == {}


@pytest.mark.parametrize(("rule", "broken"), BROKEN.values(), ids=BROKEN.keys())
def test_the_rule_sees_a_breach(rule: Rule, broken: Source) -> None:
    assert rule(broken) != []


def test_no_process_outlives_the_tests_that_started_it() -> None:
    assert {
        source.path: wrong for source in sources("tests") if (wrong := rules.unkept_processes(source))
    } == {}


def test_every_function_that_is_open_to_everybody_is_still_one() -> None:
    found = {name for source in sources("backend") for name in rules.open_doors(source)}

    assert found == set(rules.OPEN_TO_EVERYBODY)


def test_a_service_that_asks_and_a_private_var_are_fine() -> None:
    service = Source(
        "backend/usage/service.py",
        """
def today(actor, day):
    return repository.today(own_tenant(actor), day)

def reset(actor):
    _check(actor)

def _check(actor):
    if actor.process:
        raise Forbidden
""",
    )
    state = Source("portal/features/usage/state.py", "class S:\n    @rx.var\n    def _total(self): ...")

    assert rules.unasked_actors(service) == rules.told_to_everybody(state) == []
