"""Every page of the registry is opened in a browser, where neither its scripts nor its policy may break."""

import re

from backend.actor import Role
from backend.sandbox.signins import SignIn
from portal import pages, routes
from tests.e2e.conftest import SEEN, Visit, Visitor, asked
from tests.own_pages import own_pages

# The true names by which a page is opened that no other test has opened. A new page with places says its own here.
NAMES = {
    "alert_fingerprint": "SELECT fingerprint FROM alert_firing LIMIT 1",
    "invoice_id": "SELECT id::text FROM tenant_invoice LIMIT 1",
    "runbook_action": "SELECT 'restart_workload'",
    "runbook_name": "SELECT 'HighErrorRate'",
    "runbook_run": "SELECT id::text FROM runbook_run LIMIT 1",
    "workload_kind": "SELECT 'deployment'",
    "workload_name": "SELECT 'docuchat-api'",
    "workload_namespace": "SELECT 'docuchat'",
}


def unseen() -> list[pages.Page]:
    return [page for page in own_pages() if not any(page.is_at(path) for path in SEEN)]


def path_of(page: pages.Page, now: Visit) -> str:
    """An address of the page; none where the stack has nothing yet that it could show."""
    if page.route == routes.POD_LOG:
        now.go(routes.workload("docuchat", "Deployment", "docuchat-api"))
        return now.page.locator("a[href*='/pods/']").first.get_attribute("href") or ""
    names: dict[str, str] = {}
    for place in re.findall(r"\[(\w+)\]", page.route):
        found = asked(now.stack, NAMES[place])
        if not found:
            return ""
        names[place] = str(found[0][0])
    return re.sub(r"\[(\w+)\]", lambda place: names[place[1]], page.route)


def test_every_page_is_opened_without_breaking_its_policy(people: dict[str, SignIn], visit: Visitor) -> None:
    """The other tests have opened most of them; the rest is opened here. The end of a visit tells what broke.

    Where this test runs alone, no alert has fired and nobody has asked for a run: such pages are those of the others.
    """
    made: dict[Role, Visit] = {}
    left: list[str] = []
    for page in unseen():
        role = Role.OPERATOR if Role.OPERATOR in page.roles else Role.TENANT_ADMIN
        if role not in made:
            made[role] = visit("fa").sign_in(people[role])
        if path := path_of(page, made[role]):
            made[role].go(path)
        else:
            left.append(page.route)

    assert [page.route for page in unseen() if page.route not in left] == []
    assert set(left) <= {routes.ALERT, routes.RUN}
