"""The last lines of containers that crashed, read once for each crash."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable

from backend.clients.kubernetes import Kubernetes, LogPlace
from backend.deploys.types import Pod, StuckKind, StuckReason, WorkloadId
from backend.errors import AppError
from backend.redaction import Redactor

LINES = 20
LONGEST_LINE = 500
MOST_KEPT = 300
AT_ONCE = 4

_CrashKey = tuple[str, str, int]


class CrashLogs:
    """Reads the log of a crashed container beside the watches, and says when it has it. Lives on the client's loop."""

    def __init__(self, client: Kubernetes, touch: Callable[[Iterable[WorkloadId]], None]) -> None:
        """``touch`` is called with the workload when its lines are there."""
        self._client = client
        self._touch = touch
        self._known: OrderedDict[_CrashKey, tuple[str, ...]] = OrderedDict()
        self._reading: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)

    def last_lines(self, workload: WorkloadId, pod: Pod, reason: StuckReason) -> tuple[str, ...]:
        """The lines that are known by now; begins to read them when they are wanted for the first time."""
        if reason.kind not in {StuckKind.CRASH, StuckKind.OUT_OF_MEMORY}:
            return ()
        key = (pod.uid, reason.container, reason.restarts)
        if key not in self._known:
            self._known[key] = ()
            while len(self._known) > MOST_KEPT:
                self._known.popitem(last=False)
            task = asyncio.create_task(self._read(key, workload, pod, reason))
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)
        return self._known[key]

    async def _read(self, key: _CrashKey, workload: WorkloadId, pod: Pod, reason: StuckReason) -> None:
        place = LogPlace(namespace=pod.id.namespace, pod=pod.id.name, container=reason.container)
        has_ended = any(one.ended for one in pod.containers if one.template.name == reason.container)
        async with self._places:
            try:
                # A container that has ended and was not started again is still the present one.
                found = await self._client.read_log(place, tail_lines=LINES, is_previous=not has_ended)
            except AppError:
                return  # the reason stands without them; the next crash is read again
        # Cut afterwards: nobody would know the rest of a secret that was cut.
        safe = Redactor.of_own_secrets().lines([line.partition(" ")[2] for line in found[-LINES:]])
        self._known[key] = tuple(line[:LONGEST_LINE] for line in safe)
        self._touch({workload})
