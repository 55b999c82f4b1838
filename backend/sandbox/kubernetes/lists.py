"""Lists, in pages when the client wants them so."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from backend.sandbox.kubernetes.requests import Call
from backend.sandbox.kubernetes.selectors import selector
from backend.sandbox.kubernetes.store import Object, RefusedError, Store, key_of

_PAGES_KEPT = 200


@dataclass(frozen=True, slots=True)
class _Rest:
    """The rest of a list, as it was when the list began."""

    version: str
    items: list[Object]


@dataclass(slots=True)
class Lists:
    """Answers lists from one version of the cluster, however many pages they have."""

    store: Store
    _rests: OrderedDict[str, _Rest] = field(default_factory=OrderedDict)

    def forget(self) -> None:
        """Make every unfinished list too old, as a compaction does."""
        self._rests.clear()

    def page(self, call: Call) -> Object:
        """A list, or its next page.

        Raises:
            RefusedError: 410, the list that is to go on was begun too long ago; 400, the limit is no number.
        """
        rest = self._begin(call)
        limit = _whole(call.query.get("limit", "0"))
        items, left = (rest.items[:limit], rest.items[limit:]) if limit else (rest.items, [])
        meta: Object = {"resourceVersion": rest.version}
        if left:
            meta["continue"] = secrets.token_urlsafe(12)
            self._rests[meta["continue"]] = _Rest(rest.version, left)
            if "labelSelector" not in call.query and "fieldSelector" not in call.query:
                meta["remainingItemCount"] = len(left)
            if len(self._rests) > _PAGES_KEPT:
                self._rests.popitem(last=False)
        resource = call.resource
        return {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": meta,
            "items": items,
        }

    def _begin(self, call: Call) -> _Rest:
        if token := call.query.get("continue"):
            found = self._rests.get(token)
            if found is None:
                text = "The provided continue parameter is too old to display a consistent list result."
                raise RefusedError(410, "Expired", text)
            return found
        items = self.store.listed(call.plural, call.namespace, selector(call.query))
        return _Rest(str(self.store.version), sorted(items, key=key_of))


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise RefusedError(400, "BadRequest", f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)
