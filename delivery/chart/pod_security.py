"""The standard ``restricted`` of Kubernetes' PodSecurity admission, as one pure rule.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Iterator, Mapping
from typing import Any

Spec = Mapping[str, Any]

VOLUME_TYPES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
SECCOMP_TYPES = frozenset({"RuntimeDefault", "Localhost"})
SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def restricted_violations(spec: Spec) -> list[str]:
    """What the standard forbids in the spec of a pod, one sentence each; none where the pod would be let in."""
    return [*_violations_of_pod(spec), *_violations_of_containers(spec)]


def containers_of(spec: Spec) -> Iterator[Spec]:
    """Every container of a pod, those that run first and those for debugging included."""
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(kind) or ()


def _violations_of_pod(spec: Spec) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield f"{name} is true"
    if spec.get("hostUsers") is True:
        yield "hostUsers is true"
    for volume in spec.get("volumes") or ():
        for kind in volume.keys() - {"name"} - VOLUME_TYPES:
            yield f"volume {volume['name']} is of the type {kind}"
    shared = spec.get("securityContext") or {}
    for sysctl in shared.get("sysctls") or ():
        if sysctl["name"] not in SAFE_SYSCTLS:
            yield f"sysctl {sysctl['name']} is set"
    yield from (f"the pod's {fault}" for fault in _violations_of_context(shared))


def _violations_of_containers(spec: Spec) -> Iterator[str]:
    shared = spec.get("securityContext") or {}
    for container in containers_of(spec):
        own = container.get("securityContext") or {}
        for fault in (
            *_violations_of_context(own),
            *_violations_of_rights(own),
            *_missing(shared, own),
            *_violations_of_hosts(container),
        ):
            yield f"container {container['name']}: {fault}"


def _violations_of_context(context: Spec) -> Iterator[str]:
    if context.get("runAsUser") == 0:
        yield "runAsUser is 0"
    if context.get("runAsNonRoot") is False:
        yield "runAsNonRoot is false"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "windowsOptions.hostProcess is true"
    if (context.get("appArmorProfile") or {}).get("type") == "Unconfined":
        yield "appArmorProfile.type is Unconfined"
    seccomp = context.get("seccompProfile")
    if seccomp is not None and seccomp.get("type") not in SECCOMP_TYPES:
        yield f"seccompProfile.type is {seccomp.get('type')}"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions name a type, user or role of their own"


def _violations_of_rights(own: Spec) -> Iterator[str]:
    if own.get("privileged"):
        yield "privileged is true"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if own.get("procMount", "Default") != "Default":
        yield f"procMount is {own['procMount']}"
    capabilities = own.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or ()):
        yield "capabilities.drop lacks ALL"
    for added in set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
        yield f"capabilities.add has {added}"


def _missing(shared: Spec, own: Spec) -> Iterator[str]:
    if not {**shared, **own}.get("runAsNonRoot"):
        yield "runAsNonRoot is set neither here nor for the pod"
    if not {**shared, **own}.get("seccompProfile"):
        yield "seccompProfile is set neither here nor for the pod"


def _violations_of_hosts(container: Spec) -> Iterator[str]:
    for port in container.get("ports") or ():
        if port.get("hostPort"):
            yield f"hostPort {port['hostPort']} is taken"
    hooks = (container.get("lifecycle") or {}).values()
    for handler in (*(container.get(name) or {} for name in PROBES), *hooks):
        for way in ("httpGet", "tcpSocket"):
            if (handler.get(way) or {}).get("host"):
                yield f"{way}.host points out of the pod"
