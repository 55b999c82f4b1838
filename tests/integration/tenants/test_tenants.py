"""Companies: created by us only, read by their own people and by staff."""

from dataclasses import replace
from datetime import date

import pytest

from backend.actor import OPERATOR_ROLES, STAFF_ROLES, Actor, Role, TenantId
from backend.audit import service as audit
from backend.errors import Conflict, Forbidden, Invalid, NotFound
from backend.tenants import service
from backend.tenants.__main__ import main
from tests import factories


def test_a_tenant_is_read_back_as_it_was_created(database: str) -> None:
    new = replace(
        factories.new_tenant("acme", language="en"),
        billing_email="Bills@Acme.Example",
        economic_code="4111",
        national_id=" 1010 ",
        postal_address="تهران، خیابان ولی‌عصر",
        postal_code="",
    )

    created = service.create(factories.PROCESS, new)

    assert service.get(factories.PROCESS, created.id) == created
    assert (created.name("fa"), created.name("en")) == (new.name_fa, new.name_en)
    assert created.billing_email == "bills@acme.example"
    assert (created.economic_code, created.national_id, created.postal_code) == ("4111", "1010", None)
    [entry] = audit.entries(factories.actor(Role.AUDITOR))
    assert (entry.event.action, entry.event.target) == ("tenant.created", f"tenant:{created.id}")


def test_a_label_belongs_to_one_tenant(database: str) -> None:
    factories.tenant("acme")

    with pytest.raises(Conflict) as refused:
        factories.tenant("acme")

    assert refused.value.key == "error.conflict.label_taken"


def test_many_tenants_are_created_all_or_none(database: str) -> None:
    factories.many_tenants([f"tenant {number}" for number in range(1200)])

    with pytest.raises(Conflict):
        factories.many_tenants(["new", "tenant 7"])
    with pytest.raises(Conflict):
        factories.many_tenants(["twice", "twice"])

    assert len(service.all_tenants(factories.PROCESS)) == 1200
    assert factories.many_tenants([]) == []


def test_tenants_are_listed_by_label(database: str) -> None:
    factories.many_tenants(["b", "a", "c"])

    assert [tenant.label for tenant in service.all_tenants(factories.actor(Role.OPERATOR))] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"label": ""},
        {"label": " acme"},
        {"label": "a\nb"},
        {"label": "x" * 201},
        {"name_fa": ""},
        {"name_en": "a\0"},
        {"billing_email": "nobody"},
        {"language": "de"},
    ],
    ids=str,
)
def test_a_tenant_that_does_not_fit_is_refused(database: str, wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        service.create(factories.PROCESS, replace(factories.new_tenant(), **wrong))

    assert service.all_tenants(factories.PROCESS) == []


def test_a_label_may_be_any_text_that_a_counter_can_carry(database: str) -> None:
    for label in ("شرکت-۱", 'quote"d', "back\\slash", "a b", "a.*"):
        assert factories.tenant(label).label == label


@pytest.mark.parametrize("role", list(Role))
def test_only_operators_create_and_only_staff_sees_all(database: str, role: Role) -> None:
    actor = factories.actor(role)
    if role in OPERATOR_ROLES:
        assert service.create(actor, factories.new_tenant("by operator"))
    else:
        for refused in (service.create, lambda who, new: service.create_all(who, [new])):
            with pytest.raises(Forbidden):
                refused(actor, factories.new_tenant())
    if role in STAFF_ROLES:
        assert len(service.all_tenants(actor)) == (1 if role in OPERATOR_ROLES else 0)
    else:
        with pytest.raises(Forbidden):
            service.all_tenants(actor)


def test_a_tenant_is_seen_by_its_own_people_and_staff_and_nobody_else(database: str) -> None:
    ours, theirs = factories.tenant(), factories.tenant()

    for role in (Role.TENANT_VIEWER, Role.TENANT_ADMIN):
        actor = factories.actor(role, ours.id)
        assert service.get(actor, ours.id) == ours
        with pytest.raises(NotFound):
            service.get(actor, theirs.id)
    for role in STAFF_ROLES:
        assert service.get(factories.actor(role), theirs.id) == theirs
    with pytest.raises(NotFound):
        service.get(Actor(name="stranger"), ours.id)
    with pytest.raises(NotFound):
        service.get(factories.PROCESS, TenantId(factories.actor(Role.OPERATOR).user_id or ours.id))


def test_tenants_are_created_and_listed_at_a_terminal(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = [
        "--label",
        "acme",
        "--name-fa",
        "اکمه",
        "--name-en",
        "Acme",
        "--billing-email",
        "b@acme.example",
    ]

    assert main(["create", *wanted, "--billed-from", "2026-11-01", "--national-id", "1010"]) == 0
    assert main(["create", *wanted]) == 1
    assert "already has this label" in capsys.readouterr().err
    assert main(["list"]) == 0

    assert capsys.readouterr().out == "acme\tAcme\tاکمه\tb@acme.example\n"
    [tenant] = service.all_tenants(factories.PROCESS)
    assert (tenant.billed_from, tenant.national_id) == (date(2026, 11, 1), "1010")


def test_the_first_billed_day_is_read_by_its_year_and_answered_in_both_calendars(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["--name-fa", "اکمه", "--name-en", "Acme", "--billing-email", "b@acme.example"]

    assert main(["create", "--label", "acme", *names, "--billed-from", "1405-09-10"]) == 0

    assert "billed from 2026-12-01 (1405-09-10)" in capsys.readouterr().out
    [tenant] = service.all_tenants(factories.PROCESS)
    assert tenant.billed_from == date(2026, 12, 1)
    with pytest.raises(SystemExit):
        main(["create", "--label", "b", *names, "--billed-from", "0001-01-01"])
    assert "outside the years 2020 to 2100" in capsys.readouterr().err
    with pytest.raises(Invalid):
        service.create(factories.PROCESS, factories.new_tenant(billed_from=date(1405, 9, 10)))


def test_companies_are_found_by_any_part_of_what_is_known_of_them(database: str) -> None:
    del database
    wanted = service.create(
        factories.PROCESS, replace(factories.new_tenant("acme-7"), national_id="14009876543")
    )
    factories.tenant("other-8")
    auditor = factories.actor(Role.AUDITOR)
    known = ["acme", wanted.name_fa, wanted.name_en.lower(), wanted.billing_email, "۹۸۷۶۵", "7 acme"]

    found = {said: service.search(auditor, said, limit=10) for said in known}

    assert {said: [each.id for each in page.rows] for said, page in found.items()} == {
        said: [wanted.id] for said in known
    }
    assert service.search(auditor, "%", limit=10).rows == []
    assert [each.label for each in service.search(auditor, "", limit=1, offset=1).rows] == ["other-8"]
    assert service.search(auditor, "", limit=1).total == 2


@pytest.mark.parametrize("role", [Role.TENANT_ADMIN, Role.TENANT_VIEWER])
def test_customers_do_not_search_companies(role: Role) -> None:
    with pytest.raises(Forbidden):
        service.search(factories.actor(role), "a", limit=10)
