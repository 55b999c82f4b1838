"""The attacks of a browser that keeps to no rule, over a raw websocket against the served product."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from socket import create_connection, socket
from uuid import uuid4

import pytest
from reflex_base.registry import RegistrationContext
from websockets import Origin
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from backend.actor import Role
from portal.guard import FRAMEWORK, HYDRATE
from portal.http.socket_limit import MOST_OF_ONE
from portal.server import LARGEST_MESSAGE_BYTES
from portal.socket_filter import _EVENTS_AT_ONCE, _EVENTS_PER_S
from tests.integration.payments import payer
from tests.integration.portal.conftest import Served, own_handlers, payload_of
from tests.integration.portal.socket import RawSocket

FEW_LETTERS = 30_000
EVIL = "https://evil.example"
UPDATE_VARS = next(name for name in FRAMEWORK if name.endswith(".update_vars_internal"))
REPORT = next(name for name in FRAMEWORK if name.endswith(".handle_frontend_exception"))


def wire(ending: str) -> str:
    return next(name for name in own_handlers() if name.endswith(f"portal___{ending}"))


def test_no_attack_shows_or_runs_anything(served: Served) -> None:
    """One served process for all attacks: starting it is what takes time."""
    attacks: list[Callable[[Served], None]] = [
        a_foreign_origin_gets_no_socket,
        an_honest_operator_is_served,
        a_stranger_can_run_nothing,
        a_tenant_cannot_run_what_operators_can,
        an_undecorated_method_and_setvar_do_not_run,
        a_forged_pathname_runs_no_foreign_page,
        a_foreign_invoice_in_the_address_is_not_found,
        wrong_arguments_break_nothing,
        a_stolen_tab_token_shows_nothing,
        a_tab_token_in_use_is_not_shared,
        a_hydration_as_the_wrong_role_tells_nothing,
        a_claimed_cookie_in_the_event_is_ignored,
        a_flood_is_refused_and_many_tabs_are_none,
        a_frame_that_is_too_large_ends_the_connection,
        what_no_page_sends_fills_no_log,
        a_stranger_fills_no_log,
        silent_sockets_of_one_address_are_few,
        no_answer_is_built_from_a_foreign_host,
    ]
    with _dialled(served) as silent:
        _handshake(served, silent)
        for attack in attacks:
            attack(served)
        ended = b"".join(iter(lambda: silent.recv(4_096), b""))
    assert b"101 Switching Protocols" in ended
    for person in served.house.people.values():
        assert person.token not in served.log


def a_foreign_origin_gets_no_socket(served: Served) -> None:
    cookie = served.house.people[Role.OPERATOR].cookie
    with pytest.raises(InvalidStatus) as refused, RawSocket(served.url, cookie=cookie, origin=EVIL):
        pass
    assert refused.value.response.status_code in {400, 403}


def an_honest_operator_is_served(served: Served) -> None:
    person = served.house.people[Role.OPERATOR]
    with RawSocket(served.url, cookie=person.cookie) as tab:
        told = tab.hydrate("/billing")
    assert person.email in told
    assert '"can_act_rx_state_":true' in told.replace(": ", ":")


def a_stranger_can_run_nothing(served: Served) -> None:
    with RawSocket(served.url) as tab:
        assert "/sign-in" in tab.hydrate("/billing")
        for number, name in enumerate(own_handlers()):
            # As fast as one address may: an event that is dropped for its pace would prove nothing.
            time.sleep(0 if number < _EVENTS_AT_ONCE / 2 else 1 / _EVENTS_PER_S)
            tab.send(name, payload_of(name))
        told = tab.told()
    assert '"too_many"' not in served.log
    assert "ready" not in told
    for person in served.house.people.values():
        assert person.email not in told


def a_tenant_cannot_run_what_operators_can(served: Served) -> None:
    person = served.house.people[Role.TENANT_ADMIN]
    with RawSocket(served.url, cookie=person.cookie) as tab:
        tab.hydrate("/account")
        for name in own_handlers():
            if "billing" in name:
                tab.send(name, payload_of(name))
        told = tab.told()
    assert "billing_state" not in told


def an_undecorated_method_and_setvar_do_not_run(served: Served) -> None:
    person = served.house.people[Role.OPERATOR]
    state = "reflex___state____state"
    names = [name for name in RegistrationContext.get().event_handlers if name.endswith(".setvar")]
    names += [
        f"{state}.reset",
        f"{state}.hydrate",
        f"{wire('features___billing___state____billing_state.load')}_",
        f"{state}._x",
    ]
    with RawSocket(served.url, cookie=person.cookie) as tab:
        tab.hydrate("/account")
        for name in [name for name in names if name not in FRAMEWORK]:
            tab.send(name, {"var_name": "can_act", "value": True})
        told = tab.told()
    assert "can_act" not in told


def a_forged_pathname_runs_no_foreign_page(served: Served) -> None:
    tenant = served.house.people[Role.TENANT_VIEWER]
    on_load = "reflex___state____state.reflex___state____on_load_internal_state.on_load_internal"
    with RawSocket(served.url, cookie=tenant.cookie) as tab:
        told = tab.hydrate("/billing")
        tab.send(on_load, path="/billing", asPath="/billing", query={"role": "operator"})
        told += tab.told()
    changes = [part for part in told.split("\n") if "billing_state" in part]
    assert '"phase_rx_state_":"ready"' not in "".join(changes).replace(" ", "")
    assert '"/usage"' in told


def a_foreign_invoice_in_the_address_is_not_found(served: Served) -> None:
    tenant, owner = served.house.people[Role.TENANT_VIEWER], served.house.neighbour
    foreign = str(payer.invoice(served.house.other.id, 9_876_540))
    with RawSocket(served.url, cookie=owner.cookie) as tab:
        assert "987,654" in tab.hydrate(f"/invoices/{foreign}")
    for named in (foreign, foreign.upper(), str(uuid4()), "' OR 1=1 --", "../billing"):
        with RawSocket(served.url, cookie=tenant.cookie) as tab:
            told = tab.hydrate(f"/invoices/{named}", query={"invoice_id": foreign})
        assert '"phase_rx_state_":"ready"' not in told.replace(" ", "")
        assert "987,654" not in told
        assert served.house.other.name_en not in told


def wrong_arguments_break_nothing(served: Served) -> None:
    person = served.house.people[Role.OPERATOR]
    with RawSocket(served.url, cookie=person.cookie) as tab:
        tab.hydrate("/billing")
        for value in ("", "x" * 5_000, {"$gt": 0}, [1], None, -1, 10**30):
            tab.send(wire("features___billing___state____billing_state.choose_tab"), {"name": value})
            tab.send(wire("features___billing___state____billing_state.ask_release"), {"key": value})
            tab.send(wire("features___billing___state____billing_state.release"), {"form": {"reason": value}})
            tab.send(wire("visitor____visitor_state.tell_unexpected"), {"reference": value})
        tab.told()
        tab.send(wire("features___billing___state____billing_state.choose_tab"), {"name": "held"})
        told = tab.told()
    assert '"tab_rx_state_":"held"' in told.replace(" ", "")


def a_stolen_tab_token_shows_nothing(served: Served) -> None:
    victim, thief = served.house.people[Role.OPERATOR], served.house.people[Role.TENANT_ADMIN]
    for cookie in ("", thief.cookie):
        with RawSocket(served.url, cookie=victim.cookie) as tab:
            assert victim.email in tab.hydrate("/billing")
            stolen = tab.tab
        with RawSocket(served.url, cookie=cookie, tab=stolen) as tab:
            tab.send(wire("features___billing___state____billing_state.choose_tab"), {"name": "held"})
            told = tab.told() + tab.hydrate("/billing")
        assert victim.email not in told
        assert '"can_act_rx_state_":true' not in told.replace(" ", "")


def a_tab_token_in_use_is_not_shared(served: Served) -> None:
    victim, thief = served.house.people[Role.OPERATOR], served.house.people[Role.TENANT_ADMIN]
    with RawSocket(served.url, cookie=victim.cookie) as tab:
        tab.hydrate("/billing")
        with RawSocket(served.url, cookie=thief.cookie, tab=tab.tab) as second:
            told = second.hydrate("/billing")
            tab.send(wire("features___billing___state____billing_state.choose_tab"), {"name": "held"})
            assert '"held"' in tab.told()
            told += second.told()
    assert victim.email not in told


def a_hydration_as_the_wrong_role_tells_nothing(served: Served) -> None:
    tenant = served.house.people[Role.TENANT_ADMIN]
    with RawSocket(served.url, cookie=tenant.cookie) as tab:
        told = tab.hydrate("/billing", role="operator")
    assert served.house.people[Role.OPERATOR].email not in told
    assert served.house.other.name_en not in told
    assert tenant.token not in told
    assert "_bound_to" not in told


def a_claimed_cookie_in_the_event_is_ignored(served: Served) -> None:
    operator, tenant = served.house.people[Role.OPERATOR], served.house.people[Role.TENANT_ADMIN]
    with RawSocket(served.url, cookie=tenant.cookie) as tab:
        told = tab.hydrate("/billing", headers={"cookie": operator.cookie}, cookie=operator.cookie)
    assert operator.email not in told
    assert json.dumps("can_act_rx_state_") + ":true" not in told.replace(" ", "")


def a_flood_is_refused_and_many_tabs_are_none(served: Served) -> None:
    person = served.house.people[Role.AUDITOR]
    for _ in range(15):
        with RawSocket(served.url, cookie=person.cookie) as tab:
            tab.send(HYDRATE, path="/billing")
            told = tab.told(lambda frame: '"phase_rx_state_":"ready"' in frame.replace(" ", ""))
        assert '"phase_rx_state_":"ready"' in told.replace(" ", "")
    assert '"too_many"' not in served.log
    with RawSocket(served.url, cookie=person.cookie) as tab:
        for _ in range(150):
            tab.send(wire("features___billing___state____billing_state.choose_tab"), {"name": "held"})
        tab.told()
    assert served.log.count('"too_many"') == 1


def a_frame_that_is_too_large_ends_the_connection(served: Served) -> None:
    with RawSocket(served.url) as tab:
        tab.send(HYDRATE, junk="x" * 2 * LARGEST_MESSAGE_BYTES)
        with pytest.raises(ConnectionClosed):
            tab.told()


def what_no_page_sends_fills_no_log(served: Served) -> None:
    before = len(served.log)
    with RawSocket(served.url) as tab:
        tab.hydrate("/sign-in")
        for frame in (
            '42/_event,["event",1]',
            '42/_event,["event",{"name":"x.y"}]',
            '42/_event,["connect",{}]',
        ):
            tab.raw(*[frame] * 200)
        tab.raw(*["9", "42/_event,{", "3", "5"] * 50)
        tab.told()
        assert "is_hydrated" in tab.hydrate("/sign-in")
    assert len(served.log) - before < FEW_LETTERS


def silent_sockets_of_one_address_are_few(served: Served) -> None:
    address = f"{served.url.replace('http', 'ws', 1)}/_event/?EIO=4&transport=websocket&token="
    with ExitStack() as tabs:
        for n in range(MOST_OF_ONE):
            tabs.enter_context(connect(f"{address}{n}", origin=Origin(served.url)))
        with pytest.raises(InvalidStatus) as refused:
            connect(f"{address}x", origin=Origin(served.url))
        person = served.house.people[Role.OPERATOR]
        with RawSocket(served.url, cookie=person.cookie) as tab:
            assert person.email in tab.hydrate("/billing")
    assert refused.value.response.status_code == HTTPStatus.TOO_MANY_REQUESTS


def no_answer_is_built_from_a_foreign_host(served: Served) -> None:
    for path in (
        "/./usage",
        "/usage/",
        "/",
        "/assets",
        "/_event",
        "/healthz/",
        "//evil.example/",
        "/nowhere",
    ):
        with served.client() as browser:
            foreign = browser.get(path, headers={"host": "evil.example"})
            own = browser.get(path)
        assert "evil.example" not in foreign.headers.get("location", "")
        assert foreign.status_code == HTTPStatus.MISDIRECTED_REQUEST
        assert own.headers.get("location", "/").startswith(("/", served.url))
        assert not own.headers.get("location", "/").startswith("//")


def a_stranger_fills_no_log(served: Served) -> None:
    before = len(served.log)
    with RawSocket(served.url) as tab:
        tab.hydrate("/sign-in")
        for n in range(200):
            tab.send(UPDATE_VARS, {"vars": {f"x{n}.y": "x" * 500}})
            tab.send(HYDRATE, {"vars": {f"x{n}.y": n}, "hashes": [{}, n]})
            tab.send(REPORT, {"info": f"{n}" * 500, "component_stack": "x" * 500})
            tab.told(lambda _frame: True) if n % 20 == 19 else None
        tab.told()
    with served.client() as browser:
        for n in range(100):
            browser.post(f"/{n}/{'x' * 3_000}", headers={"origin": EVIL})
            browser.get(f"/_event/?EIO=3&transport=polling&sid={n}&j=x", headers={"origin": EVIL})
            browser.get(f"/{n}", headers={"cookie": "portal=x; lang=%00; theme={"})
    host = served.url.removeprefix("http://")
    for head in (
        "x",
        "GET / HTTP/1.1",
        f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: x\r\nConnection: upgrade",
    ):
        for _ in range(30):
            _say(served, head)
    for _ in range(10):
        _say(served, f"POST /auth/login HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9", waits=False)
    written = served.log[before:]
    assert len(written) < FEW_LETTERS
    assert '"trace"' not in written


def _dialled(served: Served) -> socket:
    address, _, port = served.url.removeprefix("http://").partition(":")
    return create_connection((address, int(port)), timeout=30)


def _handshake(served: Served, dialled: socket) -> None:
    """Open a websocket that never joins and answers nothing."""
    host = served.url.removeprefix("http://")
    head = (
        "GET /_event/?EIO=4&transport=websocket&token=silent HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    )
    dialled.sendall("\r\n".join([*head, "", ""]).encode())


def _say(served: Served, head: str, *, waits: bool = True) -> None:
    with _dialled(served) as dialled:
        dialled.sendall(f"{head}\r\n\r\n".encode())
        if waits:
            dialled.recv(100)
