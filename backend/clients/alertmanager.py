"""An Alertmanager's API v2: alerts, silences and its own status, parsed leniently.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml. Versions 0.25 to 0.33 are understood: unknown
fields are ignored, missing ones have defaults, and an entry that makes no sense is left out and fails no other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from backend.clients.http import HTTPResponse, http_client
from backend.errors import Invalid, NotFound, Unavailable

SERVICE = "alertmanager"
# A thousand alerts with long annotations are 3 MB.
LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
CONNECT_TIMEOUT_S = 2.0
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerAlert:
    """An alert as one Alertmanager shows it. ``state`` is active, suppressed or unprocessed."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str] = field(default_factory=dict)
    starts_at: datetime
    ends_at: datetime
    state: str = "active"
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    muted_by: tuple[str, ...] = ()
    generator_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerMatcher:
    """A condition on one label: equal or not, as a whole value or as an anchored regular expression."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerSilence:
    """A silence as one Alertmanager keeps it. ``state`` is pending, active or expired."""

    id: str
    matchers: tuple[AlertmanagerMatcher, ...]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    created_by: str = ""
    comment: str = ""
    state: str = "active"


class Alertmanager:
    """Client of one Alertmanager. Threads may share it. Never call it inside a transaction."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """Name the server; the first request connects."""
        self.url = url
        self._http = http_client(
            url,
            timeout_s,
            service=SERVICE,
            connect_s=CONNECT_TIMEOUT_S,
            largest_bytes=LARGEST_ANSWER_BYTES,
        )

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def alerts(self, matchers: Sequence[str] = ()) -> list[AlertmanagerAlert]:
        """The alerts that fire now, silenced and inhibited ones among them; with ``matchers`` those that fit all.

        ``[{"fingerprint": "5d2c...", "labels": {...}, "annotations": {...}, "startsAt": "2026-11-28T11:00:00.000Z",
        "endsAt": ..., "generatorURL": ..., "status": {"state": "suppressed", "silencedBy": [], "inhibitedBy": []}}]``.
        A resolved alert is missing at once.

        Raises:
            Unavailable: no answer in time, or one that is no list.
            Invalid: Alertmanager cannot read a matcher.
        """
        return list(_alerts_in(self._list("/api/v2/alerts", [("filter", each) for each in matchers])))

    def silences(self) -> list[AlertmanagerSilence]:
        """Every silence that is kept: pending, active, and for some days expired.

        ``[{"id": "7c9e...", "matchers": [{"name": "alertname", "value": "X", "isRegex": false, "isEqual": true}],
        "startsAt": ..., "endsAt": ..., "updatedAt": ..., "createdBy": "...", "comment": "...",
        "status": {"state": "active"}}]``

        Raises:
            Unavailable: no answer in time, or one that is no list.
        """
        return list(_silences_in(self._list("/api/v2/silences", [])))

    def started_at(self) -> datetime:
        """The instant when this Alertmanager started: ``{"uptime": "2026-11-28T11:00:00.000Z", "cluster": ...}``.

        Raises:
            Unavailable: no answer in time, or one without that instant.
        """
        told = _expected(self._http.request("GET", "/api/v2/status")).json_object()
        if (started := _instant(told.get("uptime"))) is None:
            raise Unavailable(service=SERVICE, cause="unreadable")
        return started

    def put_silence(
        self,
        matchers: Sequence[AlertmanagerMatcher],
        *,
        starts_at: datetime,
        ends_at: datetime,
        created_by: str,
        comment: str,
        silence_id: str = "",
    ) -> str:
        """Create a silence, or change the one with ``silence_id``; returns the id that holds from now on.

        With the same matchers a change keeps the id; with others the old one expires and a new id is given. The old
        comment is lost here.

        Raises:
            Unavailable: no answer in time; the silence may exist all the same.
            NotFound: there is no silence with this id.
            Invalid: Alertmanager refuses the matchers or the times.
        """
        body: dict[str, object] = {
            "matchers": [_to_json(each) for each in matchers],
            "startsAt": _spelled(starts_at),
            "endsAt": _spelled(ends_at),
            "createdBy": created_by,
            "comment": comment,
        }
        if silence_id:
            body["id"] = silence_id
        answer = self._http.request("POST", "/api/v2/silences", json=body)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise NotFound(reason="silence")
        told = _expected(answer).json_object()
        # 0.25 spells it silenceID, as its documentation does.
        made = told.get("silenceID") or told.get("silenceId")
        if not isinstance(made, str):
            raise Unavailable(service=SERVICE, cause="unreadable", status=answer.status)
        return made

    def silence(self, silence_id: str) -> AlertmanagerSilence | None:
        """A silence by its id; None when this Alertmanager knows none.

        Raises:
            Unavailable: no answer in time, or an unreadable one.
        """
        answer = self._http.request("GET", f"/api/v2/silence/{quote(silence_id, safe='')}")
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        return next(_silences_in([_expected(answer).json_object()]), None)

    def expire_silence(self, silence_id: str) -> None:
        """End a silence now. One that has ended, or that nobody knows, is fine: 0.25 answers 500 then, 0.33 a 404.

        Raises:
            Unavailable: no answer in time, or the silence is still there.
        """
        answer = self._http.request("DELETE", f"/api/v2/silence/{quote(silence_id, safe='')}")
        if answer.status == HTTPStatus.OK:
            return
        kept = self.silence(silence_id)
        if kept is not None and kept.state != "expired":
            raise Unavailable(service=SERVICE, cause="refused", status=answer.status)

    def _list(self, path: str, query: list[tuple[str, str]]) -> list[Any]:
        answer = _expected(self._http.request("GET", f"{path}?{urlencode(query)}" if query else path))
        try:
            told = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            told = None
        if not isinstance(told, list):
            raise Unavailable(service=SERVICE, cause="unreadable", status=answer.status)
        return told


_clients: dict[tuple[str, float], Alertmanager] = {}


def alertmanager(url: str, timeout_s: float) -> Alertmanager:
    """The client of this process for an address; it keeps its connections."""
    known = _clients.get((url, timeout_s))
    return known or _clients.setdefault((url, timeout_s), Alertmanager(url, timeout_s))


def close_all() -> None:
    """Close the connections of every client; the next use opens new ones."""
    while _clients:
        _clients.popitem()[1].close()


def _expected(answer: HTTPResponse) -> HTTPResponse:
    if answer.status == HTTPStatus.OK:
        return answer
    if answer.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
        told = answer.body.decode("utf-8", "replace")[:LONGEST_REASON]
        raise Invalid(field="matchers", reason="alertmanager_refuses", detail=told)
    raise Unavailable(service=SERVICE, cause="refused", status=answer.status)


def _alerts_in(told: list[Any]) -> Iterator[AlertmanagerAlert]:
    for each in filter(_is_object, told):
        labels, starts_at = _texts(each.get("labels")), _instant(each.get("startsAt"))
        fingerprint, status = each.get("fingerprint"), each.get("status")
        status = status if _is_object(status) else {}
        if not isinstance(fingerprint, str) or not fingerprint or not labels or starts_at is None:
            continue
        yield AlertmanagerAlert(
            fingerprint=fingerprint,
            labels=labels,
            annotations=_texts(each.get("annotations")),
            starts_at=starts_at,
            ends_at=_instant(each.get("endsAt")) or starts_at,
            state=str(status.get("state") or "active"),
            silenced_by=_words(status.get("silencedBy")),
            inhibited_by=_words(status.get("inhibitedBy")),
            muted_by=_words(status.get("mutedBy")),
            generator_url=str(each.get("generatorURL") or ""),
        )


def _silences_in(told: list[Any]) -> Iterator[AlertmanagerSilence]:
    for each in filter(_is_object, told):
        starts_at, ends_at = _instant(each.get("startsAt")), _instant(each.get("endsAt"))
        matchers = tuple(map(_matcher, filter(_is_object, _items(each.get("matchers")))))
        status = each.get("status")
        if not isinstance(each.get("id"), str) or starts_at is None or ends_at is None:
            continue
        yield AlertmanagerSilence(
            id=each["id"],
            matchers=matchers,
            starts_at=starts_at,
            ends_at=ends_at,
            updated_at=_instant(each.get("updatedAt")) or starts_at,
            created_by=str(each.get("createdBy") or ""),
            comment=str(each.get("comment") or ""),
            state=str((status if _is_object(status) else {}).get("state") or "active"),
        )


def _matcher(told: dict[str, Any]) -> AlertmanagerMatcher:
    return AlertmanagerMatcher(
        name=str(told.get("name") or ""),
        value=str(told.get("value") or ""),
        is_regex=told.get("isRegex") is True,
        is_equal=told.get("isEqual") is not False,
    )


def _to_json(matcher: AlertmanagerMatcher) -> dict[str, object]:
    return {
        "name": matcher.name,
        "value": matcher.value,
        "isRegex": matcher.is_regex,
        "isEqual": matcher.is_equal,
    }


def _is_object(told: object) -> bool:
    return isinstance(told, dict)


def _texts(told: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in told.items()} if isinstance(told, dict) else {}


def _words(told: object) -> tuple[str, ...]:
    return tuple(each for each in _items(told) if isinstance(each, str))


def _items(told: object) -> list[Any]:
    return told if isinstance(told, list) else []


def _instant(told: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(told))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _spelled(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
