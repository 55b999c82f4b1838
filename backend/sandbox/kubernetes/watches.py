"""Watches: changes as lines of JSON, from a version on."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from backend.sandbox.kubernetes.requests import TRUE, Call
from backend.sandbox.kubernetes.selectors import Fits, selector
from backend.sandbox.kubernetes.store import Change, RefusedError, Store, watch_line
from backend.sandbox.kubernetes.trouble import Trouble

_WATCH_S = 300.0
# A real server sends a bookmark about once a minute, and one before it ends a watch.
BOOKMARK_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchAnswer:
    """A watch of a client."""

    call: Call
    store: Store
    trouble: Trouble

    async def lines(self) -> AsyncIterator[bytes]:
        """Everything that is there first, unless a version is given, and then each change.

        Raises:
            ConnectionError: the connection is to be cut.
        """
        cuts, until = self.trouble.cuts, time.monotonic() + self._seconds()
        fits = selector(self.call.query)
        version = int(self.call.query.get("resourceVersion") or 0)
        if not version:
            version = self.store.version
            there = self.store.listed(self.call.plural, self.call.namespace, fits)
            if there:
                yield b"".join(watch_line("ADDED", one) for one in there)
        bookmark_at = time.monotonic() + BOOKMARK_S
        while (left_s := until - time.monotonic()) > 0:
            try:
                changes = self.store.since(self.call.plural, version)
            except RefusedError as refusal:
                yield watch_line("ERROR", refusal.status())
                return
            if changes:
                version = changes[-1].version
                if chunk := b"".join(self._line(one, fits) for one in changes):
                    yield chunk
            elif time.monotonic() >= bookmark_at:
                bookmark_at = time.monotonic() + BOOKMARK_S
                version = self.store.version
                yield self._bookmark(version)
            await self.store.changed(self.call.plural, min(1.0, left_s))
            if self.trouble.cuts != cuts:
                raise ConnectionError
        yield self._bookmark(self.store.version)

    def _seconds(self) -> float:
        return float(self.call.query.get("timeoutSeconds") or _WATCH_S)

    def _bookmark(self, version: int) -> bytes:
        if self.call.query.get("allowWatchBookmarks") not in TRUE:
            return b""
        resource = self.call.resource
        empty = {
            "kind": resource.kind,
            "apiVersion": resource.api_version,
            "metadata": {"resourceVersion": str(version)},
        }
        return watch_line("BOOKMARK", empty)

    def _line(self, change: Change, fits: Fits) -> bytes:
        """A change, as a watch with this selector sees it: what no longer fits is gone for it."""
        if self.call.namespace not in {"", change.object["metadata"].get("namespace")}:
            return b""
        fitted = change.before is not None and fits(change.before)
        fits_now = change.type != "DELETED" and fits(change.object)
        if change.type == "DELETED":
            return change.line if fitted else b""
        if fits_now:
            kind = "MODIFIED" if fitted else "ADDED"
            return change.line if kind == change.type else watch_line(kind, change.object)
        return watch_line("DELETED", change.object) if fitted else b""
