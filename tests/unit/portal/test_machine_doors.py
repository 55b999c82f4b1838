"""Doors for machines: who may post, what is read of it, and what is answered. No request here reaches a service."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field

from backend.actor import Actor
from backend.config import settings
from backend.doors import tokens
from backend.errors import Conflict, Invalid, Unavailable
from portal import bridge
from portal.http import doors
from portal.http.doors import LARGEST_BODY_BYTES, Door

TOKEN = tokens.new_token()
OTHER = tokens.new_token()
ADMITTED = {"authorization": f"Bearer {TOKEN}"}
JSON = {"content-type": "application/json"}


class Parcel(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    label: str = Field(min_length=1, max_length=10)


class Receipt(BaseModel):
    label: str
    taken_by: str


def take(actor: Actor, parcel: Parcel) -> Receipt:
    match parcel.label:
        case "conflict":
            raise Conflict(field="label")
        case "invalid":
            raise Invalid(field="label", reason="too_early")
        case "away":
            raise Unavailable(service="database")
        case "bug":
            raise RuntimeError("secret words of a trace")
    return Receipt(label=parcel.label, taken_by=actor.label)


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The bridge's threads, with settings that name a database which nobody asks."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1/x")
    settings.cache_clear()
    yield
    bridge.close()
    settings.cache_clear()


@pytest.fixture
def door() -> Door[Parcel]:
    return Door(
        name="parcels",
        path="/parcels",
        summary="Take a parcel.",
        token_hash=lambda: tokens.hash_of(TOKEN),
        body=Parcel,
        answer=Receipt,
        work=take,
    )


Content = bytes | AsyncIterator[bytes]


def ask(
    door: Door[Parcel],
    content: Content = b'{"label": "a"}',
    *,
    method: str = "POST",
    address: str = "192.0.2.1",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(door, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as sender:
            given = ADMITTED | JSON if headers is None else headers
            return await sender.request(method, "/parcels", content=content, headers=given)

    return asyncio.run(asked())


def test_a_sender_with_the_token_is_answered(door: Door[Parcel]) -> None:
    answer = ask(door)

    assert (answer.status_code, answer.json()) == (200, {"label": "a", "taken_by": "process:parcels_door"})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("", id="none"),
        pytest.param(TOKEN, id="no scheme"),
        pytest.param(f"Basic {TOKEN}", id="another scheme"),
        pytest.param("Bearer ", id="an empty one"),
        pytest.param(f"Bearer {OTHER}", id="another door's"),
        pytest.param(f"Bearer {TOKEN[:-1]}", id="a shorter one"),
        pytest.param(f"Bearer {tokens.hash_of(TOKEN)}", id="the hash itself"),
        pytest.param("Bearer " + "x" * 5_000, id="a long one"),
        pytest.param("Bearer \xff\xfe", id="no text"),
    ],
)
def test_nobody_else_is_let_in(door: Door[Parcel], authorization: str) -> None:
    given = {**JSON, "authorization": authorization.encode("latin-1")}

    answer = ask(door, headers=given)  # type: ignore[arg-type]

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


def test_two_tokens_open_a_door_while_senders_change_over(door: Door[Parcel]) -> None:
    both = f"{tokens.hash_of(OTHER)},{tokens.hash_of(TOKEN)}"
    door._token_hash = lambda: both

    answers = [
        ask(door, headers={**JSON, "authorization": f"Bearer {token}"}).status_code
        for token in (TOKEN, OTHER, tokens.new_token())
    ]

    assert answers == [200, 200, 401]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_another_method_is_told_the_right_one(door: Door[Parcel], method: str) -> None:
    answer = ask(door, method=method)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"content-type": "text/plain"}, id="text"),
        pytest.param({"content-type": "application/x-www-form-urlencoded"}, id="a form"),
        pytest.param({"content-type": "application/json; charset=utf-16"}, id="another encoding"),
        pytest.param({**JSON, "content-encoding": "gzip"}, id="packed"),
    ],
)
def test_another_kind_of_content_is_refused(door: Door[Parcel], headers: dict[str, str]) -> None:
    answer = ask(door, headers=ADMITTED | headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_json_may_name_its_encoding(door: Door[Parcel]) -> None:
    named = {"content-type": 'Application/JSON; charset="UTF-8"'}

    assert ask(door, headers=ADMITTED | named).status_code == 200


async def endless() -> AsyncIterator[bytes]:
    """More than any door reads; who asks for the last pieces fails."""
    for _ in range(2 * LARGEST_BODY_BYTES // 1024):
        yield b" " * 1024
    raise AssertionError("the door read on")


def test_a_large_body_is_refused_before_it_is_read(door: Door[Parcel]) -> None:
    announced = ask(door, endless(), headers={**ADMITTED, **JSON, "content-length": str(10**9)})
    unannounced = ask(door, endless())
    absurd = ask(door, endless(), headers={**ADMITTED, **JSON, "content-length": "9" * 5_000})

    assert [each.status_code for each in (announced, unannounced, absurd)] == [413] * 3


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"label": "\\ud800"}', b"[" * 10_000, b'{"label": "a"} x'],
)
def test_what_is_no_json_is_malformed(door: Door[Parcel], body: bytes) -> None:
    answer = ask(door, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("body", "at", "code"),
    [
        pytest.param(b"[]", "", "model_type", id="no object"),
        pytest.param(b"{}", "/label", "missing", id="missing"),
        pytest.param(b'{"label": 7}', "/label", "string_type", id="another type"),
        pytest.param(b'{"label": NaN}', "/label", "string_type", id="no number"),
        pytest.param(b'{"label": ""}', "/label", "string_too_short", id="empty"),
        pytest.param(b'{"label": "a", "lable/x": 1}', "/lable~1x", "extra_forbidden", id="unknown"),
        pytest.param(b'{"label": "invalid"}', "/label", "too_early", id="refused by the service"),
    ],
)
def test_a_field_that_does_not_fit_is_named_by_its_place(
    door: Door[Parcel], body: bytes, at: str, code: str
) -> None:
    answer = ask(door, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    [fault] = answer.json()["faults"]
    assert (fault["at"], fault["code"]) == (at, code)


def test_what_was_sent_is_not_told_again_and_the_faults_are_counted(door: Door[Parcel]) -> None:
    many = b'{"label": "a secret that is too long", ' + b", ".join(b'"%d": 1' % n for n in range(500)) + b"}"

    answer = ask(door, many)

    assert "secret" not in answer.text
    assert len(answer.json()["faults"]) == 20


@pytest.mark.parametrize(
    ("label", "status", "code"),
    [("conflict", 409, "conflict"), ("away", 503, "unavailable"), ("bug", 500, "unexpected")],
)
def test_what_a_service_refuses_is_told_without_a_trace(
    door: Door[Parcel], label: str, status: int, code: str
) -> None:
    answer = ask(door, f'{{"label": "{label}"}}'.encode())

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "secret words" not in answer.text
    if code == "conflict":
        assert answer.json()["faults"] == [{"at": "/label", "code": "contradiction", "detail": ""}]


def test_strangers_at_an_address_are_slowed_down_and_keep_no_sender_out(
    door: Door[Parcel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "AT_ONCE", 3.0)
    monkeypatch.setattr(doors, "PER_S", 0.001)

    strangers = [ask(door, headers=JSON) for _ in range(5)]
    senders = [ask(door) for _ in range(4)]
    elsewhere = ask(door, headers=JSON, address="192.0.2.2")

    assert [each.status_code for each in strangers] == [401] * 3 + [429] * 2
    assert [each.status_code for each in senders] == [200] * 3 + [429]
    assert elsewhere.status_code == 401
    assert int(senders[-1].headers["retry-after"]) > 0


def test_a_flood_of_refusals_writes_one_line(door: Door[Parcel], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            ask(door, headers=JSON)

    assert [record.getMessage() for record in caplog.records] == ["door.refused"]
    assert TOKEN not in caplog.text
