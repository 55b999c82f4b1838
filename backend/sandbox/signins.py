"""The accounts of the demo with their passwords: made once per stack, shown at each start."""

import json
import secrets
from dataclasses import dataclass

from backend.i18n.catalog import Lang
from backend.sandbox.companies import COMPANIES
from backend.sandbox.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """An account of the demo. `tenant` is the company's label; operators have none."""

    title: str
    role: str
    email: str
    password: str
    name: str
    tenant: str | None = None
    language: Lang = "fa"


def sign_ins(site: Site) -> list[SignIn]:
    """An admin of one company, a viewer of another, an operator and an approver, with this stack's passwords."""
    passwords: dict[str, str] = json.loads(site.remembered("sign-ins.json", _new_passwords))
    first, second = COMPANIES[0], COMPANIES[1]
    viewer = f"viewer@{second.admin_email.partition('@')[2]}"
    return [
        SignIn(
            title=f"tenant admin, {first.name_en}",
            role="tenant_admin",
            email=first.admin_email,
            password=passwords["tenant_admin"],
            name="سارا احمدی",
            tenant=first.label,
        ),
        SignIn(
            title=f"tenant viewer, {second.name_en}",
            role="tenant_viewer",
            email=viewer,
            password=passwords["tenant_viewer"],
            name="مینا کاظمی",
            tenant=second.label,
        ),
        SignIn(
            title="operator",
            role="operator",
            email="operator@docuchat.example",
            password=passwords["operator"],
            name="نیما رضایی",
        ),
        SignIn(
            title="approver of dangerous runbooks",
            role="approver",
            email="approver@docuchat.example",
            # A file of its own, because older stacks remember the other passwords without this one.
            password=site.remembered("approver-password.txt", _new_password),
            name="لیلا موسوی",
        ),
    ]


def _new_passwords() -> str:
    return json.dumps({role: _new_password() for role in ("tenant_admin", "tenant_viewer", "operator")})


def _new_password() -> str:
    return secrets.token_urlsafe(9)
