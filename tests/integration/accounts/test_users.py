"""Who may create, see and disable whom; and that it is written down."""

from dataclasses import replace

import pytest

from backend.accounts import service
from backend.accounts.types import NewUser
from backend.actor import STAFF_ROLES, Actor, Role, TenantId, UserId
from backend.audit import service as audit
from backend.errors import AppError, Conflict, Forbidden, Invalid, NotFound, SignInFailed
from tests import factories

AUDITOR = factories.actor(Role.AUDITOR)


def new_user(role: Role, tenant_id: TenantId | None, email: str = "new@people.example") -> NewUser:
    return NewUser(email=email, name="مینا", password=factories.PASSWORD, role=role, tenant_id=tenant_id)


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_a_process_creates_staff_who_can_sign_in(database: str, role: Role) -> None:
    created = service.create_user(factories.PROCESS, new_user(role, None))

    assert factories.signed_in(created).session.actor.role == role
    [entry] = audit.entries(AUDITOR)
    assert (entry.event.actor, entry.event.action) == ("process:tests", "user.created")
    assert entry.event.detail == {"email": "new@people.example", "role": role.value}


def test_an_admin_creates_a_colleague(database: str) -> None:
    admin = factories.user(Role.TENANT_ADMIN)

    colleague = service.create_user(admin.actor, new_user(Role.TENANT_VIEWER, admin.tenant_id))

    assert colleague.tenant_id == admin.tenant_id
    assert [user.id for user in service.users(admin.actor)] == [colleague.id, admin.id]


def test_an_admin_creates_no_staff_and_nobody_elsewhere(database: str) -> None:
    admin, other = factories.user(Role.TENANT_ADMIN), factories.tenant()

    with pytest.raises(Forbidden):
        service.create_user(admin.actor, new_user(Role.OPERATOR, None))
    with pytest.raises(NotFound):
        service.create_user(admin.actor, new_user(Role.TENANT_ADMIN, other.id))

    assert [user.id for user in service.users(factories.PROCESS)] == [admin.id]


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.TENANT_ADMIN}))
def test_nobody_else_creates_anybody(database: str, role: Role) -> None:
    with pytest.raises(Forbidden):
        service.create_user(factories.actor(role), new_user(Role.TENANT_VIEWER, None))


def test_an_address_belongs_to_one_person_whatever_its_case(database: str) -> None:
    factories.user(email="sara@people.example")

    with pytest.raises(Conflict) as refused:
        factories.user(email="SARA@people.example")

    assert refused.value.key == "error.conflict.email_taken"


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "nobody"},
        {"password": "short"},
        {"name": " "},
        {"tenant_id": None},
        {"role": Role.OPERATOR},
    ],
    ids=str,
)
def test_a_user_that_does_not_fit_is_refused_whole(database: str, wrong: dict[str, object]) -> None:
    fits = new_user(Role.TENANT_VIEWER, factories.tenant().id)

    with pytest.raises(Invalid):
        service.create_user(factories.PROCESS, replace(fits, **wrong))

    assert service.users(factories.PROCESS) == []


def test_people_see_only_the_people_they_may(database: str) -> None:
    admin, stranger = factories.user(Role.TENANT_ADMIN), factories.user(Role.TENANT_ADMIN)
    operator = factories.user(Role.OPERATOR)
    everybody = {admin.id, stranger.id, operator.id}

    assert {user.id for user in service.users(operator.actor)} == everybody
    assert {user.id for user in service.users(factories.PROCESS)} == everybody
    assert {user.id for user in service.users(operator.actor, stranger.tenant_id)} == {stranger.id}
    assert {user.id for user in service.users(admin.actor)} == {admin.id}
    with pytest.raises(NotFound):
        service.users(admin.actor, stranger.tenant_id)
    with pytest.raises(Forbidden):
        service.users(factories.actor(Role.TENANT_VIEWER, admin.tenant_id))
    with pytest.raises(Forbidden):
        service.users(Actor(name="stranger"))


def test_an_admin_disables_colleagues_only(database: str) -> None:
    admin, stranger, operator = factories.user(), factories.user(), factories.user(Role.OPERATOR)
    colleague = factories.user(Role.TENANT_VIEWER, admin.tenant_id)

    service.disable_user(admin.actor, colleague.id)

    with pytest.raises(SignInFailed):
        factories.signed_in(colleague)
    for out_of_reach in (stranger.id, operator.id, UserId(stranger.tenant_id or stranger.id)):
        for change in (service.disable_user, service.enable_user):
            with pytest.raises(NotFound):
                change(admin.actor, out_of_reach)
    with pytest.raises(Conflict):
        service.disable_user(admin.actor, admin.id)
    for role in set(Role) - {Role.TENANT_ADMIN}:
        with pytest.raises(Forbidden):
            service.disable_user(factories.actor(role, admin.tenant_id), colleague.id)
    assert "user.disabled" in [entry.event.action for entry in audit.entries(AUDITOR)]


def test_only_a_process_resets_a_password(database: str) -> None:
    someone = factories.user()
    before = factories.signed_in(someone)

    service.reset_password(factories.PROCESS, someone.id, "another long one")

    assert service.session_of(before.token) is None
    assert factories.signed_in(someone, "another long one")
    with pytest.raises(NotFound):
        service.reset_password(factories.PROCESS, UserId(before.session.id), "another long one")
    for role in Role:
        with pytest.raises(Forbidden):
            service.reset_password(factories.actor(role), someone.id, "another long one")


def test_what_is_done_to_an_account_is_in_the_audit_with_its_address(database: str) -> None:
    admin = factories.user()
    colleague = factories.user(Role.TENANT_VIEWER, admin.tenant_id)

    service.disable_user(admin.actor, colleague.id)
    service.enable_user(admin.actor, colleague.id)
    service.reset_password(factories.PROCESS, colleague.id, "another long one")
    service.change_password(admin.actor, factories.PASSWORD, "yet another long one")

    events = [entry.event for entry in audit.entries(AUDITOR)][:4]
    who, told = f"user:{admin.actor.name}", {"email": colleague.email}
    assert [(each.actor, each.action, each.target, each.detail) for each in events] == [
        (who, "user.password_changed", f"user:{admin.id}", {}),
        ("process:tests", "user.password_reset", f"user:{colleague.id}", told),
        (who, "user.enabled", f"user:{colleague.id}", told),
        (who, "user.disabled", f"user:{colleague.id}", told),
    ]


def test_only_a_process_looks_people_and_tenants_up_by_name(database: str) -> None:
    tenant = factories.tenant("acme")
    someone = factories.user(tenant_id=tenant.id)

    assert service.tenant_with_label(factories.PROCESS, "acme") == tenant.id
    assert service.user_with_email(factories.PROCESS, someone.email.upper()).id == someone.id
    for look, name in ((service.tenant_with_label, "acme"), (service.user_with_email, someone.email)):
        with pytest.raises(Forbidden):
            look(someone.actor, name)
        with pytest.raises(AppError, match="not_found"):
            look(factories.PROCESS, "nobody")
