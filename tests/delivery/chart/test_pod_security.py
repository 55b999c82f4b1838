"""The rule of PodSecurity ``restricted`` finds what a cluster refuses, and nothing in a pod that it lets in."""

from copy import deepcopy
from typing import Any

import pytest

from delivery.chart.pod_security import restricted_violations

GOOD_CONTAINER = {
    "name": "web",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    "ports": [{"containerPort": 3000}],
    "readinessProbe": {"httpGet": {"path": "/", "port": 3000}},
}
GOOD = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "initContainers": [GOOD_CONTAINER | {"name": "migrations"}],
    "containers": [GOOD_CONTAINER],
    "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "config", "configMap": {"name": "web"}}],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good pod with one thing set, or taken away where the value is ``None``."""
    spec: Any = deepcopy(GOOD)
    here = spec
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in way:
        here = here[step]
    if value is None:
        del here[last]
    else:
        here[last] = value
    return dict(spec)


def test_a_restricted_pod_is_let_in() -> None:
    assert restricted_violations(GOOD) == []


@pytest.mark.parametrize(
    ("path", "value", "violation"),
    [
        ("hostNetwork", True, "hostNetwork is true"),
        ("hostPID", True, "hostPID is true"),
        ("hostUsers", True, "hostUsers is true"),
        ("volumes.0", {"name": "root", "hostPath": {"path": "/"}}, "volume root is of the type hostPath"),
        ("volumes.0", {"name": "share", "nfs": {"server": "s"}}, "volume share is of the type nfs"),
        ("securityContext.sysctls", [{"name": "kernel.msgmax"}], "sysctl kernel.msgmax is set"),
        ("securityContext.runAsUser", 0, "the pod's runAsUser is 0"),
        (
            "securityContext.seccompProfile",
            {"type": "Unconfined"},
            "the pod's seccompProfile.type is Unconfined",
        ),
        ("containers.0.securityContext.privileged", True, "container web: privileged is true"),
        (
            "containers.0.securityContext.allowPrivilegeEscalation",
            None,
            "container web: allowPrivilegeEscalation is not false",
        ),
        (
            "initContainers.0.securityContext.capabilities",
            {"drop": ["NET_RAW"]},
            "container migrations: capabilities.drop lacks ALL",
        ),
        (
            "containers.0.securityContext.capabilities",
            {"drop": ["ALL"], "add": ["SYS_ADMIN"]},
            "container web: capabilities.add has SYS_ADMIN",
        ),
        ("containers.0.securityContext.runAsUser", 0, "container web: runAsUser is 0"),
        ("containers.0.securityContext.runAsNonRoot", False, "container web: runAsNonRoot is false"),
        ("containers.0.securityContext.procMount", "Unmasked", "container web: procMount is Unmasked"),
        (
            "containers.0.securityContext.appArmorProfile",
            {"type": "Unconfined"},
            "container web: appArmorProfile.type is Unconfined",
        ),
        (
            "containers.0.securityContext.seLinuxOptions",
            {"type": "spc_t"},
            "container web: seLinuxOptions name a type, user or role of their own",
        ),
        ("containers.0.ports.0.hostPort", 80, "container web: hostPort 80 is taken"),
        (
            "containers.0.readinessProbe.httpGet.host",
            "10.0.0.1",
            "container web: httpGet.host points out of the pod",
        ),
    ],
)
def test_what_a_cluster_refuses_is_found(path: str, value: Any, violation: str) -> None:
    assert violation in restricted_violations(changed(path, value))


def test_a_pod_without_security_context_is_refused_for_each_container() -> None:
    spec = changed("securityContext", None)

    assert restricted_violations(spec) == [
        f"container {name}: {what} is set neither here nor for the pod"
        for name in ("migrations", "web")
        for what in ("runAsNonRoot", "seccompProfile")
    ]


def test_one_container_may_say_what_the_pod_does_not() -> None:
    context = GOOD["securityContext"]
    containers = [GOOD_CONTAINER | {"securityContext": GOOD_CONTAINER["securityContext"] | context}]

    assert restricted_violations({"containers": containers}) == []
