"""Defaults of the API server, for whatever a specification leaves out."""

import base64

from backend.sandbox.kubernetes.store import Object, RefusedError

_WORKLOADS = frozenset({"deployments", "replicasets", "statefulsets", "daemonsets", "jobs"})
_ROLLING = {"maxSurge": "25%", "maxUnavailable": "25%"}
_SPECS: dict[str, Object] = {
    "deployments": {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate"},
    },
    "replicasets": {"replicas": 1},
    "statefulsets": {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "serviceName": "",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
    },
    "daemonsets": {
        "revisionHistoryLimit": 10,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
    },
    "jobs": {
        "backoffLimit": 6,
        "completions": 1,
        "parallelism": 1,
        "completionMode": "NonIndexed",
        "suspend": False,
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    },
    "services": {"type": "ClusterIP", "sessionAffinity": "None"},
}
_POD: Object = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_CONTAINER: Object = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_PROBE: Object = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def defaulted(plural: str, subject: Object) -> Object:
    """The object with everything filled in that the API server fills in; a Secret's plain texts are encoded."""
    if plural == "secrets":
        return _secret(subject)
    if not isinstance(subject.get("spec"), dict):
        return subject
    spec = _filled(subject["spec"], _SPECS.get(plural, {}))
    if plural == "deployments" and spec["strategy"].get("type") == "RollingUpdate":
        rolling = _filled(spec["strategy"].get("rollingUpdate") or {}, _ROLLING)
        spec = spec | {"strategy": spec["strategy"] | {"rollingUpdate": rolling}}
    if plural in _WORKLOADS and isinstance(spec.get("template"), dict):
        spec = spec | {"template": _template(spec["template"])}
    if plural == "pods":
        spec = _pod(spec)
    if plural == "services":
        spec = spec | {"ports": [{"protocol": "TCP"} | one for one in spec.get("ports", ())]}
    return subject | {"spec": spec}


def _filled(given: Object, defaults: Object) -> Object:
    return {name: value for name, value in defaults.items() if name not in given} | given


def _template(template: Object) -> Object:
    shape: Object = {"metadata": {}} | template
    return shape | ({"spec": _pod(template["spec"])} if isinstance(template.get("spec"), dict) else {})


def _pod(spec: Object) -> Object:
    filled = _filled(spec, _POD)
    for name in ("containers", "initContainers"):
        if isinstance(filled.get(name), list):
            filled = filled | {name: [_container(one) for one in filled[name]]}
    return filled


def _container(container: object) -> object:
    if not isinstance(container, dict):
        return container
    image = str(container.get("image", ""))
    policy = "Always" if ":" not in image.rpartition("/")[2] or image.endswith(":latest") else "IfNotPresent"
    filled = _filled(container, _CONTAINER | {"imagePullPolicy": policy})
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(filled.get(name), dict):
            filled = filled | {name: _filled(filled[name], _PROBE)}
    if isinstance(filled.get("ports"), list):
        filled = filled | {"ports": [{"protocol": "TCP"} | one for one in filled["ports"]]}
    return filled


def _secret(secret: Object) -> Object:
    """``stringData`` is only for writing; ``data`` has to be base64.

    Raises:
        RefusedError: 400, a value of ``data`` is not base64.
    """
    try:
        for value in (secret.get("data") or {}).values():
            base64.b64decode(value, validate=True)
    except (ValueError, TypeError):
        text = 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0'
        raise RefusedError(400, "BadRequest", text) from None
    rest = {name: value for name, value in secret.items() if name != "stringData"}
    plain = secret.get("stringData") or {}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
    rest.setdefault("type", "Opaque")
    return rest | {"data": (secret.get("data") or {}) | encoded}
