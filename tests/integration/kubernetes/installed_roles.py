"""The Roles of the list, installed in a real cluster, and the answers of either server about them."""

import secrets
from dataclasses import dataclass, field

from backend.sandbox.kubernetes.roles import IN_RUNBOOKS, ROLES, Rule, RuleScope
from tests.integration.kubernetes.contract import Json, Server
from tests.waiting import until

AUTHORIZATION = "/apis/authorization.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
Asked = tuple[str, str, str, str, str]
"""Verb, group, resource, name and namespace."""


@dataclass(slots=True, kw_only=True)
class InstalledRoles:
    """Where the Roles hold. In the emulator they always do; in a real cluster they are made for a test."""

    server: Server
    home: str = "docuchat"
    runbooks: str = "docuchat-runbooks"
    made: list[str] = field(default_factory=list)

    def install(self) -> None:
        """Make a Role and a binding for each account and namespace, and for what is in no namespace."""
        self.home, self.runbooks = self.server.new_namespace(), self.server.new_namespace()
        for account in self.accounts():
            for namespace in (self.home, self.runbooks, ""):
                self._install(account, namespace)
        for account in self.accounts():
            until(lambda account=account: all(map(self.asker(account), self.granted(account))))

    def remove(self) -> None:
        """Take away what is in no namespace; the rest goes with the namespaces."""
        for path in self.made:
            self.server.http.delete(path)

    def accounts(self) -> list[str]:
        return [account for account, rules in ROLES.items() if rules is not None]

    def places(self, scope: RuleScope) -> tuple[str, ...]:
        return {
            RuleScope.APPLICATION: (self.home,),
            RuleScope.RUNBOOKS: (self.runbooks,),
            RuleScope.BOTH: (self.home, self.runbooks),
            RuleScope.CLUSTER: ("",),
        }[scope]

    def granted(self, account: str) -> set[Asked]:
        return {
            (verb, rule.group, resource, name, namespace)
            for rule in ROLES[account] or ()
            for namespace in self.places(rule.scope)
            for verb in rule.verbs
            for resource in rule.resources
            for name in rule.names or {""}
        }

    def may(self, account: str, asked: Asked) -> bool:
        """The server's answer about an account."""
        verb, group, resource, name, namespace = asked
        kind, _, below = resource.partition("/")
        wanted = {"verb": verb, "group": group, "resource": kind, "subresource": below, "name": name}
        home = self.runbooks if account in IN_RUNBOOKS else self.home
        spec = {"user": f"system:serviceaccount:{home}:{account}", "resourceAttributes": wanted}
        path = f"{AUTHORIZATION}/subjectaccessreviews"
        if namespace:
            wanted["namespace"] = namespace
            path = f"{AUTHORIZATION}/namespaces/{namespace}/localsubjectaccessreviews"
        body = {"spec": spec, **({"metadata": {"namespace": namespace}} if namespace else {})}
        answer = self.server.http.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return bool(answer.json()["status"]["allowed"])

    def asker(self, account: str) -> "_Asker":
        return _Asker(self, account)

    def _install(self, account: str, namespace: str) -> None:
        rules = [_manifest(rule) for rule in ROLES[account] or () if namespace in self.places(rule.scope)]
        if not rules:
            return
        name = f"{account}-{secrets.token_hex(3)}"
        kind = "Role" if namespace else "ClusterRole"
        home = self.runbooks if account in IN_RUNBOOKS else self.home
        subject = {"kind": "ServiceAccount", "name": account, "namespace": home}
        ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        where = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
        for plural, more in (
            (f"{kind.lower()}s", {"rules": rules}),
            (f"{kind.lower()}bindings", {"roleRef": ref, "subjects": [subject]}),
        ):
            answer = self.server.http.post(f"{where}/{plural}", json={"metadata": {"name": name}, **more})
            assert answer.status_code == 201, answer.text
            self.made += [] if namespace else [f"{where}/{plural}/{name}"]


@dataclass(frozen=True, slots=True)
class _Asker:
    roles: InstalledRoles
    account: str

    def __call__(self, asked: Asked) -> bool:
        return self.roles.may(self.account, asked)


def _manifest(rule: Rule) -> Json:
    names = {"resourceNames": sorted(rule.names)} if rule.names else {}
    return {
        "apiGroups": [rule.group],
        "resources": list(rule.resources),
        "verbs": sorted(rule.verbs),
        **names,
    }
