"""Small factories: tenants, users and actors, made through the services as the product makes them."""

from datetime import date
from itertools import count
from uuid import uuid4

from backend.accounts import service as accounts
from backend.accounts.types import NewUser, SignedIn, User
from backend.actor import TENANT_ROLES, Actor, Role, TenantId, UserId
from backend.i18n.catalog import Lang
from backend.tenants import service as tenants
from backend.tenants.types import NewTenant, Tenant

PASSWORD = "correct horse battery"
BILLED_FROM = date(2026, 1, 1)
PROCESS = Actor.process_named("tests")

_numbers = count(1)


def new_tenant(
    label: str | None = None, *, language: Lang = "fa", billed_from: date = BILLED_FROM
) -> NewTenant:
    """A believable company that is not stored yet."""
    number = next(_numbers)
    label = label or f"tenant-{number}"
    return NewTenant(
        label=label,
        name_fa=f"شرکت {number}",
        name_en=f"Company {number}",
        billing_email=f"billing-{number}@tenant.example",
        billed_from=billed_from,
        language=language,
    )


def tenant(label: str | None = None, *, language: Lang = "fa", billed_from: date = BILLED_FROM) -> Tenant:
    """A stored company."""
    return tenants.create(PROCESS, new_tenant(label, language=language, billed_from=billed_from))


def many_tenants(labels: list[str]) -> list[Tenant]:
    """Stored companies with these labels, all at once."""
    return tenants.create_all(PROCESS, [new_tenant(label) for label in labels])


def user(
    role: Role = Role.TENANT_ADMIN,
    tenant_id: TenantId | None = None,
    *,
    email: str | None = None,
    password: str = PASSWORD,
    language: Lang = "fa",
) -> User:
    """A stored user; a tenant's role without a tenant gets a tenant of its own. Hashing takes a moment."""
    if role in TENANT_ROLES and tenant_id is None:
        tenant_id = tenant().id
    new = NewUser(
        email=email or f"user-{next(_numbers)}@people.example",
        name="سارا احمدی",
        password=password,
        role=role,
        tenant_id=tenant_id,
        language=language,
    )
    return accounts.create_user(PROCESS, new)


def signed_in(someone: User, password: str = PASSWORD) -> SignedIn:
    """An open session of a user."""
    return accounts.sign_in(someone.email, password, address="127.0.0.1", user_agent="tests")


def actor(role: Role = Role.TENANT_ADMIN, tenant_id: TenantId | None = None) -> Actor:
    """Somebody with a role who is in no database; enough for permission checks."""
    if role in TENANT_ROLES and tenant_id is None:
        tenant_id = TenantId(uuid4())
    return Actor(name=f"{role}@people.example", role=role, user_id=UserId(uuid4()), tenant_id=tenant_id)
