"""Use cases of tenants: the customer companies, created by us, read by their own people and by staff."""

from collections.abc import Sequence
from datetime import date
from uuid import uuid4

from backend.actor import (
    OPERATOR_ROLES,
    STAFF_ROLES,
    Actor,
    TenantId,
    require_role_or_process,
    require_tenant,
)
from backend.audit import service as audit
from backend.clock import utc_now
from backend.db.engine import transaction
from backend.errors import Conflict, NotFound
from backend.log import get_logger
from backend.tenants import repository, rules
from backend.tenants.types import NewTenant, Tenant, TenantPage

MAX_PAGE = 100

log = get_logger(__name__)


def create(actor: Actor, new: NewTenant) -> Tenant:
    """Create a tenant; from then on the usage under its label is its own. For operators and processes.

    Raises:
        Invalid: a text, the address or the language does not fit.
        Conflict: the label belongs to another tenant.
    """
    require_role_or_process(actor, *OPERATOR_ROLES)
    return create_all(actor, [new])[0]


def create_all(actor: Actor, new: Sequence[NewTenant]) -> list[Tenant]:
    """Create many tenants at once, all or none. For operators and processes. Raises as ``create`` does."""
    require_role_or_process(actor, *OPERATOR_ROLES)
    if not (tenants := [_tenant(rules.checked(each)) for each in new]):
        return []
    with transaction():
        if len(repository.insert_all(tenants)) < len(tenants):
            raise Conflict(reason="label_taken")
        target = f"tenant:{tenants[0].id}" if len(tenants) == 1 else "tenants"
        audit.record(actor, "tenant.created", target, {"labels": [tenant.label for tenant in tenants[:50]]})
    log.info("tenant.created", count=len(tenants), first=tenants[0].label, by=actor.name)
    return tenants


def get(actor: Actor, tenant_id: TenantId) -> Tenant:
    """The tenant with this id. For its own users, staff and processes. Raises NotFound for everybody else."""
    require_tenant(actor, tenant_id)
    if (found := repository.tenant(tenant_id)) is None:
        raise NotFound
    return found


def all_tenants(actor: Actor) -> list[Tenant]:
    """Every tenant, by label. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.all_tenants()


def search(actor: Actor, wanted: str, *, limit: int, offset: int = 0) -> TenantPage:
    """A page of the companies, by label, that have every word in a name, label, mail address or legal number.

    Everybody when no word is given. For staff.
    """
    require_role_or_process(actor, *STAFF_ROLES)
    return TenantPage(*repository.search(wanted, max(1, min(limit, MAX_PAGE)), max(0, offset)))


def with_labels(actor: Actor, labels: Sequence[str]) -> dict[str, Tenant]:
    """The companies with these labels, by label; labels that no company has are missing. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return {found.label: found for found in repository.with_labels(labels)}


def first_billed(actor: Actor) -> date | None:
    """The first day on which any tenant is billed. For staff and processes."""
    require_role_or_process(actor, *STAFF_ROLES)
    return repository.first_billed()


def _tenant(new: NewTenant) -> Tenant:
    return Tenant(
        id=TenantId(uuid4()),
        label=new.label,
        name_fa=new.name_fa,
        name_en=new.name_en,
        language=new.language,
        billing_email=new.billing_email,
        billed_from=new.billed_from,
        economic_code=new.economic_code,
        national_id=new.national_id,
        postal_address=new.postal_address,
        postal_code=new.postal_code,
        created_at=utc_now(),
    )
