from typing import Any

import pytest

from backend.actor import Role
from portal import guard, pages
from portal.pages import Group, Page
from tests.own_pages import own_pages


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry without a page."""
    monkeypatch.setattr(pages, "_pages", {})


def new(route: str, **facts: Any) -> Page:
    page = Page(**{"route": route, "title": "brand.name", "module": "portal.features.hello.page", **facts})
    pages.register(page)
    return page


def test_two_features_cannot_have_one_address(registry: None) -> None:
    new("/hello")
    with pytest.raises(
        ValueError, match=r"hello\.page and portal\.features\.other\.page both have a page at /hello"
    ):
        new("/hello", module="portal.features.other.page")


def test_a_page_that_is_imported_again_is_the_same_page(registry: None) -> None:
    new("/hello")
    again = new("/hello", order=7)

    assert pages.registered() == [again]


def test_the_bar_names_the_pages_of_a_group_in_their_order(registry: None) -> None:
    first, last = (
        new(route, group=Group.WATCH, nav="brand.name", order=order)
        for route, order in (("/z", 1), ("/a", 2))
    )
    new("/silent", group=Group.WATCH)

    assert pages.named_in_bar(Group.WATCH) == [first, last]


def test_a_page_for_nobody_in_particular_asks_for_no_role(registry: None) -> None:
    new("/hello")
    new("/hello/[name]", roles=guard.STAFF)

    assert pages.roles_of_path("/hello") is None
    assert pages.roles_of_path("/hello/x/") == guard.STAFF
    assert pages.roles_of_path("/hello/x/y") is None


STAFFS = ["/billing", "/all-invoices", "/payments", "/companies"]
TENANTS = ["/usage", "/invoices"]


@pytest.mark.parametrize("role", Role)
def test_the_bar_leads_each_role_to_what_it_comes_for(role: Role) -> None:
    own_pages()
    named = [page for group in [None, *Group] for page in pages.named_in_bar(group)]
    theirs = [page.route for page in named if role in page.roles and page.route in STAFFS + TENANTS]

    assert theirs == (TENANTS if role in guard.TENANT else STAFFS)
