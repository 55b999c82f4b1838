"""The stand-in itself: its wire, its memory, its switches, its command."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from backend.clients.zibal import GatewayStatus, TrackId, ZibalGateway
from backend.sandbox.processes import accepts, free_port, keep
from backend.sandbox.zibal import codes
from backend.sandbox.zibal.driver import Driver
from backend.sandbox.zibal.server import running

REQUEST = {
    "merchant": "zibal",
    "amount": 20_000,
    "callbackUrl": "https://portal.docuchat.ir/r",
    "orderId": "o-1",
}


def ask(zibal: Driver, path: str, body: object) -> dict[str, object]:
    return dict(httpx.post(f"{zibal.url}/v1/{path}", json=body).json())


@pytest.mark.parametrize("path", ["request", "verify", "inquiry"])
@pytest.mark.parametrize("body", [b'{"merchant":"zibal",}', b"", b"[1]", b'"x"', b"merchant=zibal", b"\xff"])
def test_a_body_that_is_no_json_object_is_an_internal_error(zibal: Driver, path: str, body: bytes) -> None:
    assert httpx.post(f"{zibal.url}/v1/{path}", content=body).status_code == 500


@pytest.mark.parametrize("path", ["/v1/verify", "/request/lazy", "/verify", "/v1/merchant", "/request"])
def test_there_is_neither_lazy_mode_nor_anything_undocumented(zibal: Driver, path: str) -> None:
    expected = 405 if path == "/v1/verify" else 404

    answer = (
        httpx.get(f"{zibal.url}{path}") if expected == 405 else httpx.post(f"{zibal.url}{path}", json=REQUEST)
    )

    assert answer.status_code == expected


def test_the_wire_looks_as_documented(zibal: Driver) -> None:
    opened = ask(zibal, "request", REQUEST)
    track_id = opened["trackId"]
    key = {"merchant": "zibal", "trackId": track_id}
    zibal.pay(int(str(track_id)))

    verified, again, report = ask(zibal, "verify", key), ask(zibal, "verify", key), ask(zibal, "inquiry", key)

    assert opened == {"trackId": track_id, "result": 100, "message": "success"}
    assert isinstance(track_id, int)
    common = {
        "message",
        "result",
        "refNumber",
        "paidAt",
        "status",
        "amount",
        "orderId",
        "description",
        "cardNumber",
    }
    assert set(verified) == common | {"multiplexingInfos"}
    assert again == {"result": 201, "message": "previously verifed"}
    assert set(report) == set(verified) | {"verifiedAt", "createdAt", "wage", "shaparakFee"}
    assert len(str(verified["paidAt"])) == len("2018-03-25T23:43:01.053000")
    assert (verified["refNumber"], verified["cardNumber"], verified["description"]) == (None, None, "")


@pytest.mark.parametrize(
    "later", [[], ["refund"], ["refunding"], ["reverse"], ["pay"], ["refunding", "pay"], ["cancel"], ["fail"]]
)
def test_a_session_is_verified_with_100_once_whatever_is_done_to_it_later(
    zibal: Driver, later: list[str]
) -> None:
    track_id = int(str(ask(zibal, "request", REQUEST)["trackId"]))
    key = {"merchant": "zibal", "trackId": track_id}
    zibal.pay(track_id)
    ask(zibal, "verify", key)
    for act in later:
        zibal.act(track_id, act)

    answers = [ask(zibal, "verify", key)["result"] for _ in range(2)]

    assert answers == [201, 201]
    assert zibal.session(track_id)["status"] != codes.PAID


@pytest.mark.parametrize("act", ["refund", "refunding", "reverse", "cancel"])
def test_what_went_back_before_it_was_verified_was_not_paid(zibal: Driver, act: str) -> None:
    track_id = int(str(ask(zibal, "request", REQUEST)["trackId"]))
    zibal.pay(track_id)
    zibal.act(track_id, act)

    assert ask(zibal, "verify", {"merchant": "zibal", "trackId": track_id})["result"] == 202


def test_what_an_unpaid_session_has_not_may_be_null_or_absent(zibal: Driver) -> None:
    track_id = int(str(ask(zibal, "request", REQUEST)["trackId"]))
    key = {"merchant": "zibal", "trackId": track_id}
    unpaid = {"paidAt", "verifiedAt", "refNumber", "cardNumber", "shaparakFee"}

    as_null = ask(zibal, "inquiry", key)
    zibal.behave(omits_unpaid_fields=True)
    absent = ask(zibal, "inquiry", key)
    zibal.pay(track_id)
    paid = ask(zibal, "inquiry", key)

    assert {name for name, value in as_null.items() if value is None} == unpaid
    assert as_null.keys() - absent.keys() == unpaid
    assert {"paidAt", "shaparakFee"} <= paid.keys()


@pytest.mark.parametrize("track_id", ["1", None, 1.0, True, -1, 0, 2**80, [], {}])
def test_a_track_id_that_is_no_known_integer_is_unknown(zibal: Driver, track_id: object) -> None:
    opened = ask(zibal, "request", REQUEST)
    wrong = str(opened["trackId"]) if track_id == "1" else track_id

    for path in ("verify", "inquiry"):
        assert ask(zibal, path, {"merchant": "zibal", "trackId": wrong}) == {
            "result": 203,
            "message": "trackId not found",
        }


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"amount": "20000"}, 105),
        ({"amount": 20_000.5}, 105),
        ({"amount": True}, 105),
        ({"amount": None}, 105),
        ({"amount": 2**63}, 105),
        ({"amount": 500_000_001}, 113),
        ({"percentMode": 2}, 107),
        ({"percentMode": [1]}, 107),
        ({"feeMode": "x"}, 116),
        ({"nationalCode": "12"}, 114),
        ({"multiplexingInfos": ["x"]}, 108),
        ({"multiplexingInfos": [{"subMerchantId": "inactive-1", "amount": 20_000}]}, 109),
        ({"multiplexingInfos": [{"subMerchantId": "a", "amount": 20_000}]}, 110),
        ({"multiplexingInfos": [{"id": "self", "amount": 19_999}]}, 111),
        ({"multiplexingInfos": [{"id": "self", "amount": 20_000}]}, 100),
        ({"multiplexingInfos": [{"id": "self", "amount": 100}], "percentMode": 1}, 100),
        ({"feeMode": 1}, 100),
        ({"merchant": None}, 104),
    ],
)
def test_requests_are_judged_as_documented(zibal: Driver, fields: dict[str, object], result: int) -> None:
    assert ask(zibal, "request", REQUEST | fields)["result"] == result


def test_an_empty_fee_wallet_is_said(zibal: Driver) -> None:
    zibal.merchant("zibal", fee_wallet_is_empty=True)

    assert ask(zibal, "request", REQUEST | {"feeMode": 1})["result"] == 112


def test_a_counted_fault_strikes_that_often(zibal: Driver) -> None:
    zibal.fault("request", "http_error", 502, times=2)

    statuses = [httpx.post(f"{zibal.url}/v1/request", json=REQUEST).status_code for _ in range(3)]

    assert statuses == [502, 502, 200]


def test_a_fault_may_strike_one_session_only(zibal: Driver) -> None:
    one, two = (int(str(ask(zibal, "request", REQUEST)["trackId"])) for _ in range(2))
    zibal.fault("inquiry", "status", 77, track_id=one)

    told = [
        ask(zibal, "inquiry", {"merchant": "zibal", "trackId": track_id})["status"] for track_id in (one, two)
    ]

    assert told == [77, -1]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"point": "request"},
        {"point": "nowhere", "kind": "drop"},
        {"point": "request", "kind": "never"},
        {"point": "request", "kind": "delay"},
        {"point": "request", "kind": "result"},
        {"point": "request", "kind": "fields", "value": 1},
        {"point": "request", "kind": "without", "value": "status"},
        {"point": "request", "kind": "drop", "times": 0},
        {"point": "request", "kind": "drop", "tmies": 1},
    ],
)
def test_a_fault_that_could_not_strike_is_refused(zibal: Driver, wrong: dict[str, object]) -> None:
    answer = httpx.post(f"{zibal.url}/sandbox/faults", json=wrong)

    assert answer.status_code == 400
    assert httpx.get(f"{zibal.url}/sandbox/faults").json() == []


def test_a_person_can_do_by_hand_what_a_test_does(zibal: Driver) -> None:
    track_id = int(str(ask(zibal, "request", REQUEST | {"orderId": "<b>o</b>"})["trackId"]))
    console = f"{zibal.url}/sandbox/console"

    pressed = [
        httpx.post(console, data={"track_id": str(track_id), "act": "pay"}),
        httpx.post(
            console, data={"point": "verify", "kind": "delay", "value": "0.5", "times": "2", "after": "on"}
        ),
        httpx.post(console, data={"advance_s": "60"}),
    ]
    shown = httpx.get(f"{zibal.url}/sandbox/")

    assert [one.status_code for one in pressed] == [303] * 3
    assert zibal.session(track_id)["status"] == codes.PAID
    assert "verify delay 0.5 after the effect 2 more times" in shown.text
    assert "&lt;b&gt;o" in shown.text
    assert httpx.post(console, data={"heal": "1"}).status_code == 303
    assert httpx.get(f"{zibal.url}/sandbox/faults").json() == []


@pytest.mark.parametrize(
    "form", [{}, {"act": "pay"}, {"track_id": "7", "act": "pay"}, {"point": "x", "kind": "drop"}]
)
def test_a_wrong_button_gets_a_sentence(zibal: Driver, form: dict[str, str]) -> None:
    assert httpx.post(f"{zibal.url}/sandbox/console", data=form).status_code == 400


def test_neither_sessions_nor_calls_show_the_merchant(zibal: Driver) -> None:
    zibal.merchant("canary-merchant")
    ask(zibal, "request", REQUEST | {"merchant": "canary-merchant"})

    assert "canary" not in f"{zibal.sessions()}{zibal.calls()}"


def test_sessions_survive_a_restart_with_a_state_file(tmp_path: Path) -> None:
    state = tmp_path / "zibal.jsonl"
    with running(state_path=state) as first:
        track_id = int(str(ask(first, "request", REQUEST)["trackId"]))
        first.pay(track_id)

    with running(state_path=state) as second:
        client = ZibalGateway(second.url, "zibal")
        report = client.verify(TrackId(track_id))
        client.close()

    assert (report.status, report.amount_rial, report.order_id) == (
        GatewayStatus.PAID_VERIFIED,
        20_000,
        "o-1",
    )


def test_a_line_that_a_crash_cut_off_costs_only_itself(tmp_path: Path) -> None:
    state = tmp_path / "zibal.jsonl"
    with running(state_path=state) as first:
        ask(first, "request", REQUEST)
    with state.open("ab") as journal:
        journal.write(b'{"track_id":12,"mer')

    with running(state_path=state) as second:
        assert len(second.sessions()) == 1


def test_the_command_serves_until_it_is_ended(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "backend.sandbox.zibal", "--port", str(port)]
    options = ["--public-url", "http://bank.example", "--state", str(tmp_path / "deep" / "state")]
    with keep(
        subprocess.Popen([*command, *options], stdout=subprocess.PIPE, env=dict(os.environ))
    ) as process:
        try:
            deadline = time.monotonic() + 20
            while not accepts(port):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            opened = httpx.post(f"http://127.0.0.1:{port}/v1/request", json=REQUEST).json()
            shown = httpx.get(f"http://127.0.0.1:{port}/sandbox/sessions").json()[0]
        finally:
            process.terminate()
        assert process.wait(10) in {0, -15}

    assert shown["start_url"] == f"http://bank.example/start/{opened['trackId']}"
