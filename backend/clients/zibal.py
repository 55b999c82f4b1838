"""Zibal's gateway (IPG, normal mode): open a session, verify it, ask about it.

Source: help.zibal.ir/ipg. A business refusal is a value (``result``); trouble on the way is ``Unavailable``
and tells nothing of money. ``zibal_answers`` holds the tables of codes and reads the answers.
"""

import hashlib
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from backend.clients.http import HTTPClient, http_client
from backend.clients.zibal_answers import (
    LARGEST_TRACK_ID,
    SERVICE,
    GatewayResult,
    GatewayStatus,
    PaymentReport,
    SessionOpened,
    SessionRefused,
    TrackId,
    mask_card,
    parse_track_id,
    to_report,
    to_session,
)
from backend.config import settings
from backend.errors import Unavailable
from backend.money import Rial

__all__ = [
    "LARGEST_TRACK_ID",
    "GatewayResult",
    "GatewayStatus",
    "PaymentReport",
    "SessionOpened",
    "SessionRefused",
    "TrackId",
    "ZibalGateway",
    "gateway",
    "gateway_of",
    "local_mobile",
    "mask_card",
    "parse_track_id",
]

TIMEOUT_S = 12.0
DESCRIPTION_LENGTH = 500
_TRIES = 3
_PAUSE_S = 0.2


class ZibalGateway:
    """The gateway as one merchant sees it. The merchant's code never shows in a text of this object."""

    __slots__ = ("_base_url", "_http", "_merchant")

    def __init__(self, base_url: str, merchant: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._base_url = base_url.rstrip("/")
        self._merchant = merchant
        self._http: HTTPClient = http_client(
            self._base_url, timeout_s, service=SERVICE, largest_bytes=256 * 1024
        )

    def __repr__(self) -> str:
        return f"ZibalGateway({self._base_url!r})"

    @property
    def merchant_fingerprint(self) -> str:
        """Tells merchants apart without naming one; only the merchant that opened a session knows it."""
        return hashlib.sha256(f"zibal-merchant:{self._merchant}".encode()).hexdigest()[:12]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def start_url(self, track_id: TrackId) -> str:
        """Address of the payment page. Link to it from our own page: without our Referer the gateway refuses."""
        return f"{self._base_url}/start/{_checked(track_id)}"

    def open_session(
        self,
        *,
        amount_rial: Rial,
        callback_url: str,
        order_id: str,
        description: str = "",
        mobile: str = "",
    ) -> SessionOpened | SessionRefused:
        """Open a session (``POST /v1/request``). Never asked twice: each call opens another one.

        Sample answer: ``{"trackId": 15966442233311, "result": 100, "message": "success"}``.

        Raises:
            Unavailable: no readable answer came; a session nobody can pay may have been opened.
        """
        body: dict[str, object] = {
            "merchant": self._merchant,
            "amount": int(amount_rial),
            "callbackUrl": callback_url,
            "orderId": order_id,
        }
        if description:
            body["description"] = description[:DESCRIPTION_LENGTH]
        if local := local_mobile(mobile):
            body["mobile"] = local
        return to_session(self._ask("/v1/request", body, self._http.timeout_s))

    def verify(self, track_id: TrackId) -> PaymentReport:
        """Accept the money of a paid session (``POST /v1/verify``). Safe to repeat; one success is 100.

        The first answer: ``{"result": 100, "status": 1, "amount": 20000, "orderId": "7f3", "refNumber": null,
        "cardNumber": "62741****44", "paidAt": "2018-03-25T23:43:01.053000", "message": "success"}``.
        Later ones: ``{"result": 201, "message": "previously verifed"}``. A lost answer ends in a 201, which
        proves neither amount nor order: ask ``inquire``. No amount is sent: the caller compares it.

        Raises:
            Unavailable: no readable answer within the time, also after asking again.
        """
        return self._report("/v1/verify", track_id)

    def inquire(self, track_id: TrackId) -> PaymentReport:
        """Ask where a session stands (``POST /v1/inquiry``), changing nothing. The outcome is ``status``.

        Sample answer: ``{"result": 100, "status": 2, "amount": 20000, "orderId": "7f3", "refNumber": null,
        "cardNumber": null, "paidAt": "2018-03-25T23:43:01.053000", "verifiedAt": null, "message": "…"}``.

        Raises:
            Unavailable: no readable answer within the time, also after asking again.
        """
        return self._report("/v1/inquiry", track_id)

    def _report(self, path: str, track_id: TrackId) -> PaymentReport:
        body = {"merchant": self._merchant, "trackId": _checked(track_id)}
        return to_report(self._ask_again(path, body))

    def _ask_again(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Ask up to three times, all within one deadline."""
        deadline = time.monotonic() + self._http.timeout_s
        for attempt in range(1, _TRIES):
            try:
                return self._ask(path, body, deadline - time.monotonic())
            except Unavailable:
                if time.monotonic() + attempt * _PAUSE_S >= deadline:
                    raise
                time.sleep(attempt * _PAUSE_S)
        return self._ask(path, body, deadline - time.monotonic())

    def _ask(self, path: str, body: Mapping[str, object], timeout_s: float) -> dict[str, Any]:
        answer = self._http.request("POST", path, json=body, timeout_s=timeout_s)
        if answer.status != 200:  # noqa: PLR2004 - refusals come as 200 too; anything else is not the gateway's word
            raise Unavailable(service=SERVICE, cause="status", status=answer.status)
        return answer.json_object()


@lru_cache(maxsize=4)
def _gateway(base_url: str, merchant: str) -> ZibalGateway:
    return ZibalGateway(base_url, merchant)


def gateway() -> ZibalGateway:
    """The gateway of the settings; its connections are shared by the whole process."""
    return _gateway(settings().zibal_url, settings().zibal_merchant.get_secret_value())


def gateway_of(merchant_fingerprint: str) -> ZibalGateway | None:
    """The gateway as the merchant of this fingerprint sees it: today's, or the one before; None for any other."""
    previous = settings().zibal_merchant_previous.get_secret_value()
    known = [gateway(), *([_gateway(settings().zibal_url, previous)] if previous else [])]
    return next((each for each in known if each.merchant_fingerprint == merchant_fingerprint), None)


def local_mobile(text: str) -> str:
    """An Iranian mobile number as the gateway wants it (09xxxxxxxxx), or an empty text when it is none."""
    digits = "".join(str(int(char)) for char in text if char.isdecimal())
    found = re.fullmatch(r"(?:0098|98|0)?(9[0-9]{9})", digits)
    return f"0{found[1]}" if found else ""


def _checked(track_id: int) -> int:
    if parse_track_id(str(track_id)) is None:
        raise ValueError("a track id has one to nineteen digits and fits 64 bits")
    return track_id
