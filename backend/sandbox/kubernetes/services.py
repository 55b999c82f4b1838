"""Services that lead somewhere: a TCP server on the Service's address, and behind it a ready pod of its selector.

As with a real one, a connection that is open stays where it leads when the selector changes.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from backend.sandbox.kubernetes.pods import is_ready
from backend.sandbox.kubernetes.selectors import matches
from backend.sandbox.kubernetes.store import Object, ObjectKey, Store

_CHUNK_BYTES = 64 * 1024


@dataclass(slots=True)
class Services:
    """The listening Services of a cluster. ``serves`` is false where no pod serves for real."""

    store: Store
    serves: bool
    _servers: dict[ObjectKey, asyncio.Task[None]] = field(default_factory=dict)

    def sync(self, key: ObjectKey) -> float | None:
        """Listen for a Service, or no more."""
        service = self.store.find("services", key)
        if service is None:
            if task := self._servers.pop(key, None):
                task.cancel()
        elif self.serves and key not in self._servers and service["spec"].get("clusterIP", "None") != "None":
            self._servers[key] = asyncio.get_running_loop().create_task(self._listen(key, service))
        return None

    def end_all(self) -> None:
        """Listen no more."""
        for task in self._servers.values():
            task.cancel()
        self._servers.clear()

    async def _listen(self, key: ObjectKey, service: Object) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._forward(key, reader, writer)

        port = service["spec"]["ports"][0]["port"]
        async with await asyncio.start_server(serve, service["spec"]["clusterIP"], port) as server:
            await server.serve_forever()

    async def _forward(
        self, key: ObjectKey, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            target = self._target(key)
            if target is not None:
                further_reader, further_writer = await asyncio.open_connection(*target)
                await asyncio.gather(_pump(reader, further_writer), _pump(further_reader, writer))
        except OSError:
            pass
        finally:
            writer.close()

    def _target(self, key: ObjectKey) -> tuple[str, int] | None:
        service = self.store.find("services", key)
        if service is None or not service["spec"].get("selector"):
            return None
        selector, port = service["spec"]["selector"], service["spec"]["ports"][0]
        for pod in self.store.listed("pods", key[0], lambda pod: matches(selector, pod) and is_ready(pod)):
            return pod["status"]["podIP"], _number(port.get("targetPort", port["port"]), pod)
        return None


def _number(port: int | str, pod: Object) -> int:
    if isinstance(port, int):
        return port
    ports = [one for container in pod["spec"]["containers"] for one in container.get("ports", ())]
    return int(next(one["containerPort"] for one in ports if one.get("name") == port))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        pass
    finally:
        with suppress(OSError, RuntimeError):
            writer.close()
