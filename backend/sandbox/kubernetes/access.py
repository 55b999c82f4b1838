"""Access control: bearer tokens, and the least privilege of the portal's accounts in production."""

import base64
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from backend.sandbox.kubernetes.roles import IN_RUNBOOKS, ROLES, WEB, Rule, RuleScope


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A permission that a request needs."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


@dataclass(slots=True)
class Access:
    """The permissions of accounts by their Roles, of which a tester may take some away."""

    home: str
    runbooks: str
    denied: list[tuple[str, str, str]] = field(default_factory=list)

    def user_name(self, account: str) -> str:
        """An account as the API calls it."""
        if ROLES.get(account) is None:
            return account
        return f"system:serviceaccount:{self.runbooks if account in IN_RUNBOOKS else self.home}:{account}"

    def account_of(self, user_name: str) -> str:
        """The account that the API calls so; a stranger is called as it is."""
        return next((one for one in ROLES if self.user_name(one) == user_name), user_name)

    def allows(self, account: str, wish: Wish) -> bool:
        """Whether an account may; the one without rules may everything, and a stranger nothing."""
        if (account, wish.verb, wish.resource) in self.denied:
            return False
        rules = ROLES.get(account, ())
        if rules is None:
            return True
        # Anybody may ask what it may do itself.
        if (wish.verb, wish.resource) == ("create", "selfsubjectaccessreviews"):
            return True
        return any(wish.namespace in self.places(rule.scope) and _covers(rule, wish) for rule in rules)

    def places(self, scope: RuleScope) -> frozenset[str]:
        """The namespaces in which a rule holds. One about the cluster holds for what is in no namespace."""
        match scope:
            case RuleScope.APPLICATION:
                return frozenset({self.home})
            case RuleScope.RUNBOOKS:
                return frozenset({self.runbooks})
            case RuleScope.BOTH:
                return frozenset({self.home, self.runbooks})
            case RuleScope.CLUSTER:
                return frozenset({""})

    def refusal(self, account: str, wish: Wish) -> str:
        """The sentence with which the API refuses."""
        where = f' in the namespace "{wish.namespace}"' if wish.namespace else " at the cluster scope"
        what = f"{wish.resource}.{wish.group}" if wish.group else wish.resource
        name = f' "{wish.name}"' if wish.name else ""
        return (
            f'{what}{name} is forbidden: User "{self.user_name(account)}" cannot {wish.verb} resource '
            f'"{wish.resource}" in API group "{wish.group}"{where}'
        )


def _covers(rule: Rule, wish: Wish) -> bool:
    return (
        wish.group == rule.group
        and wish.resource in rule.resources
        and wish.verb in rule.verbs
        and (not rule.names or wish.name in rule.names)
    )


def read_or_make_tokens(kubeconfig: Path | None) -> dict[str, str]:
    """Token to account; those of an earlier start are kept, so that running clients stay signed in."""
    known: dict[str, str] = {}
    if kubeconfig and kubeconfig.is_file():
        users = orjson.loads(kubeconfig.read_bytes())["users"]
        known = {one["name"]: one["user"]["token"] for one in users}
    return {known.get(account) or secrets.token_urlsafe(24): account for account in ROLES}


def write_kubeconfigs(
    path: Path, *, server: str, namespace: str, tokens: dict[str, str], authority: Path | None = None
) -> None:
    """The web's file, and beside it one for each account, whose name it has as its ending."""
    for file, account in [(path, WEB), *((account_file(path, one), one) for one in tokens.values())]:
        write_kubeconfig(
            file, server=server, namespace=namespace, tokens=tokens, authority=authority, account=account
        )


def account_file(kubeconfig: Path, account: str) -> Path:
    """The file of one account, beside the web's."""
    return kubeconfig.with_name(f"{kubeconfig.name}.{account}")


def write_kubeconfig(
    path: Path,
    *,
    server: str,
    namespace: str,
    tokens: dict[str, str],
    authority: Path | None = None,
    account: str = WEB,
) -> None:
    """A file for kubectl and every client library, readable by us alone. JSON is YAML too.

    A client that names no context gets ``account``.
    """
    cluster = {"server": server}
    if authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority.read_bytes()).decode()
    users = list(tokens.values())
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": account, "user": {"token": token}} for token, account in tokens.items()],
        "contexts": [
            {"name": user, "context": {"cluster": "sandbox", "user": user, "namespace": namespace}}
            for user in users
        ],
        "current-context": account,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(orjson.dumps(config, option=orjson.OPT_INDENT_2))
