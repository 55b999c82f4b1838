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
        Source("portal/usage/state.py", "from backend.usage.repository import rows"),
    ),
    "only db.engine commits": (
        rules.commits,
        Source("backend/usage/repository.py", "def f(c):\n    c.commit()"),
    ),
    "SQL only in repositories": (
        rules.sql_outside_repositories,
        Source("backend/usage/service.py", "from sqlalchemy import text"),
    ),
    "now is a parameter of rules": (
        rules.clocks_in_rules,
        Source("backend/usage/rules.py", "from backend import clock\nx = clock.utc_now()"),
    ),
    "broad excepts only at the edges": (
        rules.broad_excepts,
        Source("backend/usage/service.py", "try:\n    f()\nexcept Exception:\n    pass"),
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
