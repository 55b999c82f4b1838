"""Conditions of workloads, whose times move as those of real controllers do."""

from backend.sandbox.kubernetes.store import Object, Store


def with_condition(
    store: Store, conditions: list[Object], wanted: Object, *, touch: bool = False
) -> list[Object]:
    """The conditions with this one.

    ``lastUpdateTime`` moves with any change or a touch, ``lastTransitionTime`` with the status.
    """
    now = store.stamp()
    old = next((one for one in conditions if one["type"] == wanted["type"]), None)
    if old is not None and not touch and wanted.items() <= old.items():
        return conditions
    is_same = old is not None and old["status"] == wanted["status"]
    since = old["lastTransitionTime"] if old is not None and is_same else now
    fresh = wanted | {"lastUpdateTime": now, "lastTransitionTime": since}
    rest = [one for one in conditions if one["type"] != wanted["type"]]
    return [*rest, fresh]


def without_condition(conditions: list[Object], kind: str) -> list[Object]:
    """The conditions without those of a kind."""
    return [one for one in conditions if one["type"] != kind]


def condition_of(subject: Object, kind: str) -> Object | None:
    """The condition of a kind, if the object has one."""
    found = subject.get("status", {}).get("conditions", ())
    return next((one for one in found if one["type"] == kind), None)
