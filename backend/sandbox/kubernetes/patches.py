"""The three kinds of patch that clients send."""

from copy import deepcopy
from typing import Any

from backend.sandbox.kubernetes.store import Object, RefusedError

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
_KEYS = ("name", "type", "containerPort", "mountPath", "uid")


def patched(subject: Object, patch: Any, content_type: str) -> Object:  # noqa: ANN401 - JSON
    """The object with the patch applied.

    Raises:
        RefusedError: the kind of patch is not known here, or it does not fit.
    """
    match content_type.partition(";")[0]:
        case "application/merge-patch+json":
            return dict(_merged(subject, patch, is_strategic=False))
        case "application/strategic-merge-patch+json":
            return dict(_merged(subject, patch, is_strategic=True))
        case "application/json-patch+json":
            return _operated(subject, patch)
        case other:
            raise RefusedError(415, "UnsupportedMediaType", f"patch of type {other} is not supported")


def _merged(old: Any, patch: Any, *, is_strategic: bool) -> Any:  # noqa: ANN401 - JSON
    if isinstance(patch, dict):
        new = dict(old) if isinstance(old, dict) else {}
        for name, value in patch.items():
            if name.startswith("$"):
                continue
            if value is None:
                new.pop(name, None)
            else:
                new[name] = _merged(new.get(name), value, is_strategic=is_strategic)
        return new
    if is_strategic and isinstance(patch, list) and isinstance(old, list) and (key := _key(old + patch)):
        return _merged_list(old, patch, key)
    return deepcopy(patch)


def _merged_list(old: list[Any], patch: list[Any], key: str) -> list[Any]:
    new = {one[key]: one for one in old}
    for one in patch:
        if one.get("$patch") == "delete":
            new.pop(one[key], None)
        else:
            new[one[key]] = _merged(new.get(one[key]), one, is_strategic=True)
    return list(new.values())


def _key(items: list[Any]) -> str | None:
    """The field by which a list of objects is merged; other lists are replaced."""
    if not items or not all(isinstance(one, dict) for one in items):
        return None
    return next((key for key in _KEYS if all(key in one for one in items)), None)


def _operated(subject: Object, operations: list[Object]) -> Object:
    new = deepcopy(subject)
    for operation in operations:
        *path, last = [_unescaped(step) for step in operation["path"].split("/")[1:]]
        home: Any = new
        for step in path:
            home = home[int(step)] if isinstance(home, list) else home.setdefault(step, {})
        _operate(home, last, operation)
    return new


def _operate(home: Any, last: str, operation: Object) -> None:  # noqa: ANN401 - JSON
    place: Any = (len(home) if last == "-" else int(last)) if isinstance(home, list) else last
    match operation["op"]:
        case "add" if isinstance(home, list):
            home.insert(place, operation["value"])
        case "add" | "replace":
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
