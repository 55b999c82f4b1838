"""The actor of a service call: a signed-in user with a role, or a system process. Services check it first."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType
from uuid import UUID

from backend.errors import Forbidden, NotFound

UserId = NewType("UserId", UUID)
TenantId = NewType("TenantId", UUID)


class Role(StrEnum):
    """A user's role; it decides the pages and the permissions. An approver is an operator with an extra right."""

    TENANT_VIEWER = "tenant_viewer"
    TENANT_ADMIN = "tenant_admin"
    OPERATOR = "operator"
    APPROVER = "approver"
    AUDITOR = "auditor"


TENANT_ROLES = frozenset({Role.TENANT_VIEWER, Role.TENANT_ADMIN})
OPERATOR_ROLES = frozenset({Role.OPERATOR, Role.APPROVER})
STAFF_ROLES = OPERATOR_ROLES | {Role.AUDITOR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A user or a system process that calls a service. ``process`` is set for system processes only."""

    name: str
    role: Role | None = None
    user_id: UserId | None = None
    tenant_id: TenantId | None = None
    language: str = "fa"
    process: str = ""

    @property
    def label(self) -> str:
        """The actor as evidence names it: ``process:sweep_payments`` or ``user:reza@example.com``."""
        return f"process:{self.process}" if self.process else f"user:{self.name}"

    @staticmethod
    def process_named(process: str) -> "Actor":
        """The system itself, acting as a named process, for example ``nightly_billing``."""
        return Actor(name=process, process=process)


def require_role(actor: Actor, *roles: Role) -> None:
    """Let through a user with one of the roles. Raises Forbidden for everybody else, processes included."""
    if actor.process or actor.role not in roles:
        raise Forbidden


def require_role_or_process(actor: Actor, *roles: Role) -> None:
    """Let through a system process, or a user with one of the roles. Raises Forbidden otherwise."""
    if not actor.process:
        require_role(actor, *roles)


def require_process(actor: Actor) -> None:
    """Let through only a system process. Raises Forbidden for every person."""
    if not actor.process:
        raise Forbidden


def require_tenant(actor: Actor, tenant_id: TenantId) -> None:
    """Let through a user of this tenant, or staff who read for all.

    Raises NotFound for a user of another tenant, who must not learn that this one exists.
    """
    if actor.process or actor.role in STAFF_ROLES:
        return
    if actor.role not in TENANT_ROLES or actor.tenant_id != tenant_id:
        raise NotFound


def own_tenant(actor: Actor) -> TenantId:
    """The tenant that a tenant's user belongs to. Raises Forbidden for anybody else."""
    if actor.role not in TENANT_ROLES or actor.tenant_id is None:
        raise Forbidden
    return actor.tenant_id
