"""Reading of a measuring server's answers: the complete data, or the cause for which there is none."""

import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import orjson

from backend.errors import Unavailable

SERVICE = "prometheus"
LONGEST_REASON = 300
_STATUS_CAUSES = {
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "unauthorized",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "limit",
}
# Mimir, Cortex and Thanos name their limits in these ways, Prometheus and VictoriaMetrics in those below.
_LIMITS = (
    "err-mimir-max-",
    "err-cortex-max-",
    "the query exceeded the maximum",
    "the query hit the max",
    "exceeds the limit",
    "exceeded series limit",
    "exceeded chunks limit",
    "exceeded bytes limit",
    "would load too many samples",
    "too long query",
    "-search.max",
)
REASONS = {
    "unauthorized": "prometheus_unauthorized",
    "forbidden": "prometheus_forbidden",
    "login_page": "prometheus_login_page",
    "redirect": "prometheus_redirect",
    "not_json": "prometheus_not_json",
    "limit": "prometheus_limit",
    "rate_limit": "prometheus_rate_limit",
    "certificate": "prometheus_certificate",
    "certificate_expired": "prometheus_certificate_expired",
    "certificate_name": "prometheus_certificate_name",
    "client_certificate": "prometheus_client_certificate",
    "encryption": "prometheus_encryption",
    "certificate_file": "prometheus_certificate_file",
    "token_file": "prometheus_token_file",
}
"""Causes with a sentence of their own, ``error.unavailable.<reason>``."""


def failure(cause: str, server: str, *, status: int = 0, detail: str = "") -> Unavailable:
    """The error of a server that gave no complete answer."""
    told: dict[str, str | int] = {"service": SERVICE, "cause": cause, "server": server}
    if cause in REASONS:
        told["reason"] = REASONS[cause]
    if status:
        told["status"] = status
    if detail:
        told["detail"] = detail[:LONGEST_REASON]
    return Unavailable(**told)


def complete(body: bytes, status: int, server: str) -> Any:  # noqa: ANN401 - JSON
    """The data of an answer that is whole. A part of the truth is no truth for a bill.

    Raises:
        Unavailable: the server refused, wants another proof, sent us elsewhere, or told only a part.
    """
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise failure("redirect", server, status=status)
    if status in _STATUS_CAUSES:
        raise failure(_STATUS_CAUSES[HTTPStatus(status)], server, status=status, detail=_reason(body))
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        is_page = status < HTTPStatus.MULTIPLE_CHOICES and b"<html" in body[:2000].lower()
        refusal = body[:LONGEST_REASON].decode(errors="replace").lower()
        cause = "login_page" if is_page else "limit" if _is_limit(refusal) else "not_json"
        raise failure(cause, server, status=status) from None
    if not isinstance(told, dict):
        raise failure("unreadable", server, status=status)
    if told.get("status") != "success" or not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        reason = str(told.get("error") or "no reason given")
        raise failure("limit" if _is_limit(reason) else "refused", server, status=status, detail=reason)
    doubts = [*listed(told, "warnings"), *(i for i in listed(told, "infos") if "partial" in str(i).lower())]
    if doubts or told.get("isPartial") or "data" not in told:
        raise failure(
            "partial", server, status=status, detail=str(doubts[0] if doubts else "partial response")
        )
    return told["data"]


def _reason(body: bytes) -> str:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(told.get("error") or "") if isinstance(told, dict) else ""


def _is_limit(reason: str) -> bool:
    return any(each in reason for each in _LIMITS)


def listed(told: Mapping[str, Any], name: str) -> list[Any]:
    """A list of an answer; one thing alone is a list of one."""
    found = told.get(name) or []
    return found if isinstance(found, list) else [found]


def has_labels(row: object) -> bool:
    """Whether a row names its series."""
    labels = row.get("metric") if isinstance(row, dict) else None
    return isinstance(labels, dict) and (not labels or set(map(type, labels.values())) == {str})


def is_sample(told: object) -> bool:
    """Whether it is an instant and a value."""
    return type(told) is list and len(told) == 2 and type(told[0]) in {int, float} and type(told[1]) is str  # noqa: PLR2004 - an instant and a value


def are_samples(told: object) -> bool:
    """Whether it is a list of samples."""
    return isinstance(told, list) and all(map(is_sample, told))


def are_finite(values: Iterable[str]) -> bool:
    """Whether each is a number with an end."""
    try:
        return all(math.isfinite(float(value)) for value in values)
    except ValueError:
        return False


def are_numbers(values: Iterable[str]) -> bool:
    """Whether each is a number, infinite ones and "NaN" among them."""
    try:
        sum(map(float, values))
    except ValueError:
        return False
    return True
