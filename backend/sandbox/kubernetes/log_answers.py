"""Answers about logs: whole, cut, followed, of the container before."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import PlainTextResponse, Response, StreamingResponse

from backend.sandbox.kubernetes.kubelet import Kubelet
from backend.sandbox.kubernetes.logs import Log
from backend.sandbox.kubernetes.requests import TRUE, Call
from backend.sandbox.kubernetes.store import Object, RefusedError, Store, seconds_of
from backend.sandbox.kubernetes.trouble import Trouble

_POLL_S = 0.1
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAnswer:
    """The log of a container, as a call wants it."""

    call: Call
    store: Store
    kubelet: Kubelet
    trouble: Trouble

    def response(self) -> Response:
        """The log, or its stream.

        Raises:
            RefusedError: 404 for an unknown pod, 400 when there is no such container or it has no log yet.
        """
        pod = self.store.get("pods", self.call.namespace, self.call.name)
        container = self._container(pod)
        log = self._log(pod, container)
        first = self._first(log)
        if self.call.query.get("follow") not in TRUE or log.is_closed:
            return PlainTextResponse(self._cut(self._text(log, first, self.store.now())))
        lines = self._follow(pod["metadata"]["uid"], container, log, first)
        return StreamingResponse(lines, media_type="text/plain")

    def _container(self, pod: Object) -> str:
        name, meta = self.call.query.get("container", ""), pod["metadata"]
        names = [one["name"] for one in pod["spec"]["containers"]]
        if name and name not in {*names, *(one["name"] for one in pod["spec"].get("initContainers", ()))}:
            text = f"container {name} is not valid for pod {meta['name']}"
            raise RefusedError(400, "BadRequest", text)
        if not name and len(names) > 1:
            text = f"a container name must be specified for pod {meta['name']}, choose one of: [{' '.join(names)}]"
            raise RefusedError(400, "BadRequest", text)
        return name or names[0]

    def _log(self, pod: Object, container: str) -> Log:
        key, meta = (pod["metadata"]["uid"], container), pod["metadata"]
        logs = self.kubelet.runtime.logs
        state: Object = next(
            (
                one
                for kind in ("initContainerStatuses", "containerStatuses")
                for one in pod["status"].get(kind, ())
                if one["name"] == container
            ),
            {},
        )
        if self.call.query.get("previous") in TRUE:
            # While a container waits for its next start, the life that ended is the previous one.
            found = logs.previous.get(key)
            if "waiting" in state.get("state", {}) and state.get("lastState"):
                found = logs.current.get(key)
            if found is None:
                text = f'previous terminated container "{container}" in pod "{meta["name"]}" not found'
                raise RefusedError(400, "BadRequest", text)
            return found
        found = logs.current.get(key)
        if found is None:
            reason = state.get("state", {}).get("waiting", {}).get("reason", "ContainerCreating")
            why = f"waiting to start: {reason}"
            if reason in _PULLING:
                why = "waiting to start: trying and failing to pull image"
            if not pod["spec"].get("nodeName"):
                text = f"pod {meta['name']} does not have a host assigned"
                raise RefusedError(400, "BadRequest", text)
            text = f'container "{container}" in pod "{meta["name"]}" is {why}'
            raise RefusedError(400, "BadRequest", text)
        return found

    def _first(self, log: Log) -> int:
        """The number of the first line that is wanted."""
        query, now = self.call.query, self.store.now()
        lines = log.read(now)
        first = log.count(now) - len(lines)
        since = now - int(query["sinceSeconds"]) if "sinceSeconds" in query else None
        if "sinceTime" in query:
            since = seconds_of(query["sinceTime"])
        if since is not None:
            first += sum(at < since for at, _ in lines)
        if "tailLines" in query:
            first = max(first, log.count(now) - int(query["tailLines"]))
        return first

    def _cut(self, text: str) -> str:
        limit = self.call.query.get("limitBytes")
        return text.encode()[: int(limit)].decode(errors="ignore") if limit else text

    def _text(self, log: Log, first: int, now: float) -> str:
        lines = log.read(now, first)
        if self.call.query.get("timestamps") not in TRUE:
            return "".join(f"{text}\n" for _, text in lines)
        return "".join(f"{_stamp(at)} {text}\n" for at, text in lines)

    async def _follow(self, uid: str, container: str, log: Log, first: int) -> AsyncIterator[str]:
        """New lines until the container has ended.

        Raises:
            ConnectionError: the connection is to be cut.
        """
        cuts = self.trouble.cuts
        while True:
            is_running = self.kubelet.is_running(uid, container) and not log.is_closed
            # Both by one moment: a line that is written between two would be lost.
            now = self.store.now()
            text, first = self._text(log, first, now), log.count(now)
            if text:
                yield text
            if not is_running:
                return
            await asyncio.sleep(_POLL_S)
            if self.trouble.cuts != cuts:
                raise ConnectionError


def _stamp(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
