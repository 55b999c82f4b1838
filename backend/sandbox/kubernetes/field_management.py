"""Server-side apply: which manager owns which field, and conflicts between them."""

from collections.abc import Iterator
from typing import Any

import orjson

from backend.sandbox.kubernetes.patches import merge_key
from backend.sandbox.kubernetes.store import Object, RefusedError, Store, draft

APPLY = "application/apply-patch+yaml"
Path = tuple[str, ...]
_NOT_OWNED = frozenset({"apiVersion", "kind", "status"})
_META_OWNED = frozenset({"labels", "annotations", "ownerReferences", "finalizers"})


def applied(old: Object | None, config: Object, *, manager: str, force: bool) -> Object:
    """The object with a configuration applied: its fields become the manager's, and those that it dropped go.

    Raises:
        RefusedError: 409, another manager owns a field that would change, and the apply is not forced.
    """
    wanted = dict(_leaves(config))
    if old is None:
        return config
    owners = owners_of(old)
    theirs = {path: who for who, paths in owners.items() if who != (manager, "Apply") for path in paths}
    new = draft(old)
    conflicts = [
        (theirs[path], path)
        for path, value in wanted.items()
        if path in theirs and theirs[path][0] != manager and _read(old, path) != value
    ]
    if conflicts and not force:
        raise _conflict(conflicts, old["apiVersion"])
    for path in owners.get((manager, "Apply"), set()) - wanted.keys() - theirs.keys():
        _remove(new, path)
    for path, value in wanted.items():
        _write(new, path, value)
    return new


def noted(
    store: Store, old: Object | None, new: Object, *, manager: str, config: Object | None = None
) -> Object:
    """The object with its ``managedFields`` as they are after a write: by an apply when its configuration is given."""
    mine = (manager, "Apply" if config is not None else "Update")
    owners = owners_of(old) if old else {}
    if config is not None:
        changed = {path for path, _ in _leaves(config)}
    else:
        before = dict(_leaves(old)) if old else {}
        changed = {path for path, value in _leaves(new) if before.get(path, _MISSING) != value}
    there = {path for path, _ in _leaves(new)}
    fresh = {}
    for who, paths in owners.items():
        # A forced apply, or an update, takes fields over; two appliers may share the same value.
        shares = config is not None and who[1] == "Apply"
        taken = {one for one in changed if not shares or not _same(old, new, one)}
        fresh[who] = (paths - taken if who != mine else paths) & there
    own = fresh.get(mine, set())
    fresh[mine] = changed & there if config is not None else own | (changed & there)
    entries = [_entry(store, new, who, paths) for who, paths in fresh.items() if paths]
    return new | {"metadata": new["metadata"] | {"managedFields": entries}}


def owners_of(subject: Object) -> dict[tuple[str, str], set[Path]]:
    """The paths that each manager owns, by its name and operation."""
    entries = subject["metadata"].get("managedFields", ())
    return {(one["manager"], one["operation"]): set(_paths(one["fieldsV1"])) for one in entries}


_MISSING = object()


def _same(old: Object | None, new: Object, path: Path) -> bool:
    return old is not None and _read(old, path) == _read(new, path)


def _leaves(subject: Object) -> Iterator[tuple[Path, Any]]:
    for name, value in subject.items():
        if name in _NOT_OWNED:
            continue
        if name == "metadata":
            for inner, what in value.items():
                if inner in _META_OWNED:
                    yield from _walk(what, (f"f:{name}", f"f:{inner}"), inner)
        else:
            yield from _walk(value, (f"f:{name}",), name)


def _walk(value: Any, path: Path, name: str) -> Iterator[tuple[Path, Any]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and value:
        for inner, what in value.items():
            yield from _walk(what, (*path, f"f:{inner}"), inner)
    elif isinstance(value, list) and (key := merge_key(name, value)):
        for one in value:
            step = f"k:{orjson.dumps({key: one[key]}).decode()}"
            for inner, what in one.items():
                yield from _walk(what, (*path, step, f"f:{inner}"), inner)
    else:
        yield path, value


def _entry(store: Store, subject: Object, who: tuple[str, str], paths: set[Path]) -> Object:
    fields: Object = {}
    for path in sorted(paths):
        here = fields
        for step in path:
            here = here.setdefault(step, {})
    return {
        "manager": who[0],
        "operation": who[1],
        "apiVersion": subject["apiVersion"],
        "time": store.stamp(),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def _paths(fields: Object, path: Path = ()) -> Iterator[Path]:
    for step, below in fields.items():
        if below:
            yield from _paths(below, (*path, step))
        else:
            yield (*path, step)


def _read(subject: Any, path: Path) -> Any:  # noqa: ANN401 - JSON
    here = subject
    for step in path:
        kind, _, name = step.partition(":")
        if kind == "f":
            here = here.get(name, _MISSING) if isinstance(here, dict) else _MISSING
        else:
            here = _item(here, orjson.loads(name))
        if here is _MISSING:
            return _MISSING
    return here


def _item(items: Any, key: Object) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(items, list):
        return _MISSING
    return next((one for one in items if key.items() <= one.items()), _MISSING)


def _write(subject: Object, path: Path, value: Any) -> None:  # noqa: ANN401 - JSON
    here: Any = subject
    for number, step in enumerate(path):
        kind, _, name = step.partition(":")
        if kind == "k":
            found = _item(here, orjson.loads(name))
            if found is _MISSING:
                found = orjson.loads(name)
                here.append(found)
            here = found
        elif number == len(path) - 1:
            here[name] = value
        else:
            here = here.setdefault(name, [] if path[number + 1].startswith("k:") else {})


def _remove(subject: Object, path: Path) -> None:
    """Take a field away, and the item of a list of which only the name is left."""
    home, last = _read(subject, path[:-1]), path[-1].partition(":")[2]
    if not isinstance(home, dict):
        return
    home.pop(last, None)
    if path[-2].startswith("k:") and home.keys() <= orjson.loads(path[-2].partition(":")[2]).keys():
        items = _read(subject, path[:-2])
        items.remove(home)


def _conflict(conflicts: list[tuple[tuple[str, str], Path]], api_version: str) -> RefusedError:
    causes = []
    for (who, operation), path in conflicts:
        using = f" using {api_version}" if operation == "Update" else ""
        text = f'conflict with "{who}"{using}'
        causes.append({"reason": "FieldManagerConflict", "message": text, "field": _dotted(path)})
    several = "conflicts" if len(causes) > 1 else "conflict"
    if len(causes) == 1:
        listed = f"{causes[0]['message']}: {causes[0]['field']}"
    else:
        listed = f"{causes[0]['message']}:\n" + "\n".join(f"- {one['field']}" for one in causes)
    text = f"Apply failed with {len(causes)} {several}: {listed}"
    return RefusedError(409, "Conflict", text, {"causes": causes})


def _dotted(path: Path) -> str:
    """``.spec.template.spec.containers[name="api"].image``."""
    text = ""
    for step in path:
        kind, _, name = step.partition(":")
        if kind == "f":
            text += f".{name}"
        else:
            key, value = next(iter(orjson.loads(name).items()))
            text += f"[{key}={orjson.dumps(value).decode()}]"
    return text
