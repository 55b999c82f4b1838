"""Refusals of invalid objects, with the API server's own sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backend.sandbox.kubernetes.quantities import amount
from backend.sandbox.kubernetes.resources import Resource
from backend.sandbox.kubernetes.store import Object, RefusedError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name', or 'KEY_NAME', or "
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_LONGEST_NAME, _LONGEST_LABEL = 253, 63
_NAME_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_WORKLOADS = frozenset({"deployments", "replicasets", "statefulsets", "daemonsets"})
_FROZEN = {
    "deployments": ("selector",),
    "replicasets": ("selector",),
    "daemonsets": ("selector",),
    "statefulsets": ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
    "jobs": ("selector", "template", "completions", "completionMode"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """A field, what is wrong with it, and the machine's word for that."""

    reason: str
    field: str
    message: str


def check(resource: Resource, new: Object, old: Object | None) -> None:
    """Refuse an object that no API server would keep.

    Raises:
        RefusedError: 422 with a cause for each field that is wrong.
    """
    causes = [*_metadata(new)]
    if resource.plural in {*_WORKLOADS, "jobs"}:
        causes += _workload(resource.plural, new)
    if resource.plural == "pods":
        causes += _pod(new.get("spec") or {}, "spec")
    if resource.plural == "services":
        causes += _ports(new.get("spec") or {})
    if resource.plural in {"secrets", "configmaps"}:
        bad = [key for key in new.get("data") or {} if not _KEY.fullmatch(key)]
        causes += [_bad(f"data[{key}]", key, _KEY_RULE) for key in bad]
    if old is not None:
        causes += _unchanged(resource.plural, new, old)
    if causes:
        raise invalid(resource, new["metadata"].get("name") or "", causes)


def invalid(resource: Resource, name: str, causes: list[FieldError]) -> RefusedError:
    """The API server's answer about an invalid object."""
    listed = [{"reason": one.reason, "message": one.message, "field": one.field} for one in causes]
    sentences = [f"{one.field}: {one.message}" for one in causes]
    text = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
    details = {"name": name, "group": resource.group, "kind": resource.kind, "causes": listed}
    details = {key: value for key, value in details.items() if value}
    return RefusedError(422, "Invalid", f'{resource.qualified_kind} "{name}" is invalid: {text}', details)


def _required(field: str, why: str = "") -> FieldError:
    return FieldError("FieldValueRequired", field, f"Required value{f': {why}' if why else ''}")


def _bad(field: str, value: object, why: str) -> FieldError:
    shown = f'"{value}"' if isinstance(value, str) else value
    return FieldError("FieldValueInvalid", field, f"Invalid value: {shown}: {why}")


def _metadata(subject: Object) -> Iterator[FieldError]:
    meta = subject["metadata"]
    name = meta.get("name")
    if not name:
        yield _required("metadata.name", "name or generateName is required")
    elif not isinstance(name, str) or not _NAME.fullmatch(name):
        yield _bad("metadata.name", name, _NAME_RULE)
    elif len(name) > _LONGEST_NAME:
        yield FieldError(
            "FieldValueTooLong", "metadata.name", f"Too long: may not be more than {_LONGEST_NAME} bytes"
        )
    for key, value in (meta.get("labels") or {}).items():
        if not isinstance(value, str) or not _LABEL.fullmatch(value) or len(value) > _LONGEST_LABEL:
            why = (
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
            )
            yield _bad("metadata.labels", value, f"{key}: {why}")


def _workload(plural: str, subject: Object) -> Iterator[FieldError]:
    spec = subject.get("spec") or {}
    yield from _whole_number(spec, "replicas")
    yield from _whole_number(spec, "minReadySeconds")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if plural in _WORKLOADS:
        wanted = (spec.get("selector") or {}).get("matchLabels")
        if not wanted:
            yield _required("spec.selector")
        elif not wanted.items() <= labels.items():
            yield _bad("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    elif (template.get("spec") or {}).get("restartPolicy") == "Always":
        field = "spec.template.spec.restartPolicy"
        yield FieldError(
            "FieldValueNotSupported",
            field,
            'Unsupported value: "Always": supported values: "OnFailure", "Never"',
        )
    yield from _pod(template.get("spec") or {}, "spec.template.spec")


def _whole_number(spec: Object, name: str) -> Iterator[FieldError]:
    value = spec.get(name, 0)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        yield _bad(f"spec.{name}", value, "must be greater than or equal to 0")


def _pod(spec: Object, path: str) -> Iterator[FieldError]:
    containers = spec.get("containers")
    if not containers:
        yield _required(f"{path}.containers")
        return
    seen: set[str] = set()
    for number, container in enumerate(containers):
        here = f"{path}.containers[{number}]"
        name = container.get("name")
        if not name:
            yield _required(f"{here}.name")
        elif name in seen:
            yield FieldError("FieldValueDuplicate", f"{here}.name", f'Duplicate value: "{name}"')
        seen.add(name)
        if not container.get("image"):
            yield _required(f"{here}.image")
        yield from _resources(container.get("resources") or {}, here)


def _resources(resources: Object, path: str) -> Iterator[FieldError]:
    limits = resources.get("limits") or {}
    for name, text in (resources.get("requests") or {}).items():
        if name in limits and amount(text) > amount(limits[name]):
            field = f"{path}.resources.requests"
            yield _bad(field, text, f"must be less than or equal to {name} limit of {limits[name]}")


def _ports(spec: Object) -> Iterator[FieldError]:
    if not spec.get("ports") and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield _required("spec.ports")


def _unchanged(plural: str, new: Object, old: Object) -> Iterator[FieldError]:
    for name in ("name", "namespace"):
        if new["metadata"].get(name) != old["metadata"].get(name):
            yield _bad(f"metadata.{name}", new["metadata"].get(name), "field is immutable")
    for name in _FROZEN.get(plural, ()):
        if (new.get("spec") or {}).get(name) != old.get("spec", {}).get(name):
            yield _bad(f"spec.{name}", "", "field is immutable")


_TYPES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(
        ("replicas", "minReadySeconds", "progressDeadlineSeconds", "backoffLimit", "revisionHistoryLimit"),
        (int, "int32"),
    ),
    **dict.fromkeys(("paused", "suspend"), (bool, "bool")),
    "template": (dict, "v1.PodTemplateSpec"),
    "selector": (dict, "v1.LabelSelector"),
}


def check_types(resource: Resource, subject: Object) -> None:
    """Refuse what cannot be read as an object of its kind.

    Raises:
        RefusedError: 400, as the real server answers before it validates.
    """
    spec = subject.get("spec")
    if spec is None or resource.group not in {"apps", "batch"}:
        return
    for name, (python, kind) in _TYPES.items():
        value = spec.get(name) if isinstance(spec, dict) else None
        if value is not None and (not isinstance(value, python) or (python is int and value is True)):
            what = "string" if isinstance(value, str) else type(value).__name__
            text = (
                f'{resource.kind} in version "v1" cannot be handled as a {resource.kind}: json: cannot unmarshal '
                f"{what} into Go struct field {resource.kind}Spec.spec.{name} of type {kind}"
            )
            raise RefusedError(400, "BadRequest", text)
