"""Pods as their controllers see them: made from a template, counted when ready."""

import hashlib
import secrets
from typing import Any

import orjson

from backend.sandbox.kubernetes.admission import admit
from backend.sandbox.kubernetes.store import (
    Object,
    RefusedError,
    Store,
    is_going,
    owner_reference,
    seconds_of,
)

# The letters and digits that Kubernetes takes for names: no vowels, so no words.
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_ENDED = frozenset({"Succeeded", "Failed"})


def make_pod(
    store: Store, maker: Object, *, name: str = "", labels: Object | None = None, spec: Object | None = None
) -> Object:
    """A pod from its maker's template, named by chance unless a name is given.

    Raises:
        RefusedError: the admission refuses it, or the name is taken.
    """
    meta, template = maker["metadata"], maker["spec"]["template"]
    prefix = f"{meta['name']}-"
    shape = template.get("metadata", {})
    wanted = {
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": shape.get("labels", {}) | (labels or {}),
            "ownerReferences": [owner_reference(maker)],
        }
        | ({} if name else {"generateName": prefix})
        | ({"annotations": shape["annotations"]} if shape.get("annotations") else {}),
        "spec": template["spec"] | (spec or {}),
        "status": {"phase": "Pending"},
    }
    admit(store, wanted)
    if not name:
        wanted["metadata"]["name"] = prefix + random_suffix()
    return store.create("pods", wanted)


def try_make_pod(store: Store, maker: Object, **how: Any) -> tuple[Object | None, str]:  # noqa: ANN401 - passed on
    """A new pod, or the sentence of the admission that refused it."""
    try:
        return make_pod(store, maker, **how), ""
    except RefusedError as refusal:
        return None, refusal.message


def end_pod(store: Store, pod: Object) -> None:
    """Ask a pod to end."""
    store.begin_delete("pods", pod, int(pod["spec"].get("terminationGracePeriodSeconds", 30)))


def is_active(pod: Object) -> bool:
    """Whether a pod is there to work: neither going nor at its end."""
    return not is_going(pod) and pod["status"].get("phase") not in _ENDED


def is_ready(pod: Object) -> bool:
    """Whether a pod serves."""
    return not is_going(pod) and ready_since(pod) is not None


def ready_since(pod: Object) -> float | None:
    """Since when a pod has been ready, in unix seconds; None when it is not."""
    for one in pod["status"].get("conditions", ()):
        if one["type"] == "Ready" and one["status"] == "True":
            return seconds_of(one["lastTransitionTime"])
    return None


def is_available(store: Store, pod: Object, min_ready_s: float) -> bool:
    """Whether a pod has been ready for long enough."""
    since = ready_since(pod)
    return not is_going(pod) and since is not None and store.now() - since >= min_ready_s


def template_hash(template: Object) -> str:
    """The name of a template: the same template has the same one."""
    digest = hashlib.sha256(orjson.dumps(template, option=orjson.OPT_SORT_KEYS)).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:10])


def random_suffix() -> str:
    """Five letters and digits that tell pods apart."""
    return "".join(secrets.choice(_LETTERS) for _ in range(5))
