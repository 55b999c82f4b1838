"""The three kinds of patch that clients send."""

from copy import deepcopy
from typing import Any

from backend.sandbox.kubernetes.store import Object, RefusedError

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
KINDS = (JSON_PATCH, MERGE, STRATEGIC, "application/apply-patch+yaml")
# By the schema of the API: the lists whose items are merged by a key. Every other list is replaced.
_MERGED_BY = {
    "containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "imagePullSecrets": "name",
    "volumeMounts": "mountPath", "ownerReferences": "uid", "conditions": "type", "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}  # fmt: skip


def patched(subject: Object, patch: Any, content_type: str) -> Object:  # noqa: ANN401 - JSON
    """The object with the patch applied.

    Raises:
        RefusedError: the kind of patch is not known here, or it does not fit.
    """
    kind = content_type.partition(";")[0].strip()
    if kind in {MERGE, STRATEGIC} and not isinstance(patch, dict):
        raise RefusedError(400, "BadRequest", "json: cannot unmarshal array into Go value of type map")
    match kind:
        case "application/merge-patch+json":
            return dict(_merged("", subject, patch, is_strategic=False))
        case "application/strategic-merge-patch+json":
            return dict(_merged("", subject, patch, is_strategic=True))
        case "application/json-patch+json":
            return _operated(subject, patch)
        case other:
            known = f"accepted media types include: {', '.join(KINDS)}"
            text = f"the body of the request was in an unknown format ({other!r}) - {known}"
            raise RefusedError(415, "UnsupportedMediaType", text)


def merge_key(name: str, items: list[Any]) -> str | None:
    """The field by which the items of a list are merged; None when the list is replaced as a whole."""
    key = _MERGED_BY.get(name)
    if name == "ports" and all(isinstance(one, dict) for one in items):
        key = "containerPort" if all("containerPort" in one for one in items) else "port"
    has_it = key and items and all(isinstance(one, dict) and key in one for one in items)
    return key if has_it else None


def _merged(name: str, old: Any, patch: Any, *, is_strategic: bool) -> Any:  # noqa: ANN401 - JSON
    if isinstance(patch, dict):
        if is_strategic and patch.get("$patch") == "replace":
            return {key: value for key, value in patch.items() if key != "$patch"}
        new = dict(old) if isinstance(old, dict) else {}
        for key, value in patch.items():
            if is_strategic and key.startswith("$"):
                continue
            if value is None:
                new.pop(key, None)
            else:
                new[key] = _merged(key, new.get(key), value, is_strategic=is_strategic)
        return new
    if is_strategic and isinstance(patch, list) and isinstance(old, list):
        key = merge_key(name, [*old, *(one for one in patch if one != {"$patch": "replace"})])
        if key and {"$patch": "replace"} not in patch:
            return _merged_list(old, patch, key)
        return [one for one in patch if one != {"$patch": "replace"}]
    return deepcopy(patch)


def _merged_list(old: list[Any], patch: list[Any], key: str) -> list[Any]:
    new = {one[key]: one for one in old}
    for one in patch:
        if one.get("$patch") == "delete":
            new.pop(one[key], None)
        else:
            new[one[key]] = _merged("", new.get(one[key]), one, is_strategic=True)
    return list(new.values())


def _operated(subject: Object, operations: list[Object]) -> Object:
    new = deepcopy(subject)
    try:
        for operation in operations:
            *path, last = [_unescaped(step) for step in operation["path"].split("/")[1:]]
            home: Any = new
            for step in path:
                home = home[int(step)] if isinstance(home, list) else home[step]
            _operate(home, last, operation)
    except (KeyError, IndexError, TypeError, ValueError):
        text = "the server rejected our request due to an error in our request"
        raise RefusedError(422, "Invalid", text) from None
    return new


def _operate(home: Any, last: str, operation: Object) -> None:  # noqa: ANN401 - JSON
    place: Any = (len(home) if last == "-" else int(last)) if isinstance(home, list) else last
    match operation["op"]:
        case "add" if isinstance(home, list):
            home.insert(place, operation["value"])
        case "replace":
            home[place]
            home[place] = operation["value"]
        case "add":
            home[place] = operation["value"]
        case "remove":
            del home[place]
        case "test" if home[place] == operation["value"]:
            return
        case _:
            raise RefusedError(
                422, "Invalid", "the server rejected our request due to an error in our request"
            )


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
