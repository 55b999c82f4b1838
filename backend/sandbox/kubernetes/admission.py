"""Admission of pods and claims: resource quotas and the standards of PodSecurity."""

from collections.abc import Iterator
from decimal import Decimal

from backend.sandbox.kubernetes.quantities import amount, limits_of, requests_of, written
from backend.sandbox.kubernetes.store import Object, RefusedError, Store

CLAIMS = "persistentvolumeclaims"
_ENFORCED = "pod-security.kubernetes.io/enforce"
_ENDED = frozenset({"Succeeded", "Failed"})


def admit(store: Store, pod: Object) -> None:
    """Let a pod into its namespace.

    Raises:
        RefusedError: 403 with the admission's own sentence: a standard is violated, or a quota exceeded.
    """
    meta = pod["metadata"]
    name = meta.get("name") or meta.get("generateName", "")
    _check_security(store, meta["namespace"], pod, name)
    for quota in store.listed("resourcequotas", meta["namespace"]):
        _check_quota(store, quota, pod, name)


def admit_claim(store: Store, claim: Object) -> None:
    """Let a claim into its namespace. Raises RefusedError with 403 where a quota is exceeded."""
    meta = claim["metadata"]
    for quota in store.listed("resourcequotas", meta["namespace"]):
        limit = quota.get("spec", {}).get("hard", {}).get(CLAIMS)
        used = len(store.listed(CLAIMS, meta["namespace"]))
        if limit is not None and used >= amount(limit):
            text = (
                f'{CLAIMS} "{meta["name"]}" is forbidden: exceeded quota: {quota["metadata"]["name"]}, '
                f"requested: {CLAIMS}=1, used: {CLAIMS}={used}, limited: {CLAIMS}={limit}"
            )
            raise RefusedError(403, "Forbidden", text, {"name": meta["name"], "kind": CLAIMS})


def quota_used(store: Store, quota: Object) -> dict[str, str]:
    """The use, by a namespace, of each thing that a quota limits."""
    pods = [one for one in store.listed("pods", quota["metadata"]["namespace"]) if _counts(one)]
    totals = [_needs(one["spec"]) for one in pods]
    return {
        name: written(name, sum((one.get(name, Decimal(0)) for one in totals), Decimal(0)))
        for name in quota.get("spec", {}).get("hard", {})
    }


def _counts(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") not in _ENDED


def _needs(spec: Object) -> dict[str, Decimal]:
    requests, limits = requests_of(spec), limits_of(spec)
    needs = {"pods": Decimal(1), "count/pods": Decimal(1)}
    needs |= {f"requests.{name}": value for name, value in requests.items()}
    needs |= {f"limits.{name}": value for name, value in limits.items()}
    return needs | {name: requests[name] for name in ("cpu", "memory") if name in requests}


def _check_quota(store: Store, quota: Object, pod: Object, name: str) -> None:
    hard, needs = quota.get("spec", {}).get("hard", {}), _needs(pod["spec"])
    title = quota["metadata"]["name"]
    missing = [
        what
        for what in hard
        if what.partition(".")[0] in {"requests", "limits", "cpu", "memory"} and what not in needs
    ]
    if missing:
        text = f'pods "{name}" is forbidden: failed quota: {title}: must specify {",".join(missing)}'
        raise RefusedError(403, "Forbidden", text, {"name": name, "kind": "pods"})
    used = quota_used(store, quota)
    over = [
        what for what in hard if needs.get(what, 0) and amount(used[what]) + needs[what] > amount(hard[what])
    ]
    if over:
        asked = ",".join(f"{what}={written(what, needs[what])}" for what in over)
        held = ",".join(f"{what}={used[what]}" for what in over)
        limited = ",".join(f"{what}={hard[what]}" for what in over)
        text = (
            f'pods "{name}" is forbidden: exceeded quota: {title}, requested: {asked}, used: {held}, '
            f"limited: {limited}"
        )
        raise RefusedError(403, "Forbidden", text, {"name": name, "kind": "pods"})


def _check_security(store: Store, namespace: str, pod: Object, name: str) -> None:
    home = store.find("namespaces", ("", namespace))
    level = (home or {}).get("metadata", {}).get("labels", {}).get(_ENFORCED, "privileged")
    faults: list[str] = []
    if level in {"baseline", "restricted"}:
        faults += _baseline(pod["spec"])
    if level == "restricted":
        faults += _restricted(pod["spec"])
    if faults:
        text = f'pods "{name}" is forbidden: violates PodSecurity "{level}:latest": {", ".join(faults)}'
        raise RefusedError(403, "Forbidden", text, {"name": name, "kind": "pods"})


def _baseline(spec: Object) -> Iterator[str]:
    shared = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    if shared:
        yield f"host namespaces ({', '.join(f'{name}=true' for name in shared)})"
    volumes = [one["name"] for one in spec.get("volumes", ()) if "hostPath" in one]
    if volumes:
        yield f"hostPath volumes ({_named('volume', volumes)})"
    bad = [one["name"] for one in spec["containers"] if one.get("securityContext", {}).get("privileged")]
    if bad:
        yield f"privileged ({_named('container', bad)} must not set securityContext.privileged=true)"


def _restricted(spec: Object) -> Iterator[str]:
    containers = [(one["name"], one.get("securityContext", {})) for one in spec["containers"]]
    shared = spec.get("securityContext", {})
    bad = [name for name, own in containers if own.get("allowPrivilegeEscalation") is not False]
    if bad:
        must = "must set securityContext.allowPrivilegeEscalation=false"
        yield f"allowPrivilegeEscalation != false ({_named('container', bad)} {must})"
    bad = [name for name, own in containers if "ALL" not in own.get("capabilities", {}).get("drop", [])]
    if bad:
        must = 'must set securityContext.capabilities.drop=["ALL"]'
        yield f"unrestricted capabilities ({_named('container', bad)} {must})"
    bad = [name for name, own in containers if not (shared | own).get("runAsNonRoot")]
    if bad:
        must = "must set securityContext.runAsNonRoot=true"
        yield f"runAsNonRoot != true (pod or {_named('container', bad)} {must})"
    bad = [name for name, own in containers if not (shared | own).get("seccompProfile")]
    if bad:
        must = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        yield f"seccompProfile (pod or {_named('container', bad)} {must})"


def _named(kind: str, names: list[str]) -> str:
    several = "s" if len(names) > 1 else ""
    return f"{kind}{several} " + ", ".join(f'"{name}"' for name in names)
