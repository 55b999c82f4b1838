"""Troubles of a DocuChat process: errors and slow answers of its own, and people who ask far more than usual."""

import asyncio
import threading

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class DocuChatTrouble(BaseModel):
    """A process's troubles.

    A share of its questions fails with status 500, and every one is late by ``delay_s``. People ask
    ``questions_per_minute`` more, all together, so that trouble is seen at night, too; ``spikes`` are questions a
    minute by tenant, each with a long context.
    """

    error_share: float = Field(default=0.0, ge=0, le=1)
    delay_s: float = Field(default=0.0, ge=0, le=60)
    questions_per_minute: float = Field(default=0.0, ge=0, le=600)
    spikes: dict[str, float] = {}


class Troubles:
    """The present troubles of a process by name, which its control routes change and its traffic reads."""

    def __init__(self) -> None:
        self._by_name: dict[str, DocuChatTrouble] = {}
        self._asked = 0
        self._lock = threading.Lock()

    async def strike(self) -> Response | None:
        """Be late, and perhaps fail: the answer then. Failures are spread evenly, not by chance."""
        await asyncio.sleep(sum(one.delay_s for one in self._all()))
        share = max((one.error_share for one in self._all()), default=0.0)
        with self._lock:
            before = int(self._asked * share)
            self._asked += 1
            fails = int(self._asked * share) > before
        return JSONResponse({"error": "internal"}, 500) if fails else None

    def questions_per_minute(self, tenants: int) -> float:
        """The questions that each tenant asks besides its own rhythm."""
        return sum(one.questions_per_minute for one in self._all()) / max(1, tenants)

    def spike_per_minute(self, tenant: str) -> float:
        """The long questions that a tenant asks besides its own rhythm."""
        return sum(one.spikes.get(tenant, 0.0) for one in self._all())

    def _all(self) -> list[DocuChatTrouble]:
        return list(self._by_name.values())

    async def _change(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "PUT":
            try:
                self._by_name[name] = DocuChatTrouble.model_validate(await request.json())
            except ValidationError as wrong:
                return JSONResponse({"error": wrong.errors(include_url=False, include_context=False)}, 422)
        if request.method == "DELETE":
            self._by_name.pop(name, None)
        return JSONResponse({name: one.model_dump() for name, one in self._by_name.items()})

    def routes(self) -> list[Route]:
        """``/sandbox/troubles/{name}``: PUT begins a trouble, DELETE ends it; both show all that there are."""
        return [Route("/sandbox/troubles/{name}", self._change, methods=["PUT", "DELETE"])]
