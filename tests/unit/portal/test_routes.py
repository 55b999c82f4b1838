import pytest

from backend.actor import Role
from portal import pages, routes


@pytest.mark.parametrize(
    "given",
    ["/usage", "/invoices/0b0f8a5e-1111-4222-8333-abcdefabcdef", "/sign-in?next=%2Fusage", "/billing/"],
)
def test_a_path_of_our_own_is_kept(given: str) -> None:
    assert routes.own_path(given) == given


@pytest.mark.parametrize(
    "given",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/usage\r\nSet-Cookie: a=b",
        "usage",
        "/a" * 401,
        "",
        None,
        7,
        {"a": 1},
    ],
)
def test_any_other_address_leads_home(given: object) -> None:
    assert routes.own_path(given) == routes.HOME


def test_each_role_comes_home_to_a_page_that_it_may_see() -> None:
    import portal.portal  # noqa: F401, PLC0415 (registers the pages)

    for role in Role:
        roles = pages.roles_of_path(routes.home_of(role))
        assert roles is not None
        assert role in roles


def test_the_page_of_one_invoice_is_found_by_its_pattern() -> None:
    import portal.portal  # noqa: F401, PLC0415 (registers the pages)

    assert pages.roles_of_path(routes.invoice("anything")) == frozenset(Role)
    assert pages.roles_of_path("/invoices/a/b") is None
