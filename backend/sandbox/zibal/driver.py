"""The hands of a test or script at the stand-in: what ``/sandbox`` offers, as calls."""

from types import TracebackType
from typing import Any, Self

import httpx

from backend.sandbox.zibal.faults import FaultPoint, GatewayFaultKind


class Driver:
    """Works on a running stand-in over HTTP; threads may share it."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=f"{self.url}/sandbox", timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def pay(self, track_id: int, *, deliver: bool = False) -> dict[str, Any]:
        """Pay a session; ``deliver`` opens the callback too, as the payer's browser would."""
        return self.act(track_id, "pay", deliver=deliver)

    def fail(self, track_id: int, status: int = 5, *, deliver: bool = False) -> dict[str, Any]:
        """Let the payment fail with a status."""
        return self.act(track_id, "fail", status=status, deliver=deliver)

    def cancel(self, track_id: int, *, deliver: bool = False) -> dict[str, Any]:
        """Let the payer give up."""
        return self.act(track_id, "cancel", deliver=deliver)

    def act(self, track_id: int, act: str, **wanted: object) -> dict[str, Any]:
        """Do anything else to a session: refund, refunding, reverse, status, callback. The session as it is then."""
        return dict(self._ask("POST", f"/sessions/{track_id}/{act}", wanted))

    def session(self, track_id: int) -> dict[str, Any]:
        """The session with this track id."""
        return dict(self._ask("GET", f"/sessions/{track_id}"))

    def sessions(self) -> list[dict[str, Any]]:
        """Every session, newest first."""
        return list(self._ask("GET", "/sessions"))

    def fault(
        self, point: FaultPoint | str, kind: GatewayFaultKind | str, value: object = None, **options: object
    ) -> int:
        """Switch a fault on; ``after``, ``times`` and ``track_id`` are options. Its number, to switch it off."""
        wanted = {"point": point, "kind": kind, "value": value, **options}
        return int(self._ask("POST", "/faults", wanted)["id"])

    def heal(self, number: int | None = None) -> None:
        """Switch one fault off, or all."""
        self._ask("DELETE", "/faults" if number is None else f"/faults/{number}")

    def behave(self, **behaviour: object) -> None:
        """Change what holds for all sessions: auto_reverse_s, session_life_s, checks_referer, omits_unpaid_fields."""
        self._ask("POST", "/behaviour", behaviour)

    def merchant(self, code: str, **fields: object) -> None:
        """Open or change a merchant's account."""
        self._ask("POST", "/merchants", {"code": code, **fields})

    def advance(self, seconds: float) -> None:
        """Set the gateway's clock forward."""
        self._ask("POST", "/clock", {"advance_s": seconds})

    def calls(
        self, point: FaultPoint | str | None = None, track_id: int | None = None
    ) -> list[dict[str, Any]]:
        """The calls that came so far, oldest first."""
        return [
            call
            for call in self._ask("GET", "/calls")
            if point in {None, call["point"]} and track_id in {None, call.get("trackId")}
        ]

    def reset(self) -> None:
        """Make it forget everything."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> Any:  # noqa: ANN401 - JSON
        answer = self._http.request(method, path, json=body)
        if answer.is_error:
            raise ValueError(f"{path}: {answer.text}")
        return answer.json()
