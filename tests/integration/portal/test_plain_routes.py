"""Every plain route against a stranger, every role and another tenant, with the real names of somebody's things."""

import re
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import text
from starlette.routing import Route

from backend.accounts import service as accounts
from backend.actor import Role
from backend.db.engine import read
from portal import routes
from portal.http.app import plain_routes
from tests.integration.payments import payer
from tests.integration.portal.belongings import Belongings
from tests.integration.portal.conftest import PASSWORD, Person, Served

WHO = ("stranger", "viewer", "admin", "staff", "neighbour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a caller gets: the status, and where it leads to."""

    status: int
    leads_to: str = ""


def everybody(status: int, leads_to: str = "") -> dict[str, Answer]:
    return dict.fromkeys(WHO, Answer(status=status, leads_to=leads_to))


def go_to(leads_to: str) -> Answer:
    return Answer(status=303, leads_to=leads_to)


NO_RUN = "00000000-0000-4000-8000-000000000000"
# Written down by hand: what each route is asked with, and what comes of it. {...} is filled with a real name.
ASKED: dict[str, tuple[str, str, dict[str, str]]] = {
    routes.LIVE: ("GET", "/healthz", {}),
    routes.READY: ("GET", "/readyz", {}),
    routes.SELLER_LOGO: ("GET", "/seller-logo", {}),
    routes.AUDIT_EXPORT: ("GET", "/audit/export?target={invoice}", {}),
    routes.METRICS: ("GET", "/api/v1/metrics", {}),
    routes.OPENAPI: ("GET", "/api/v1/openapi.json", {}),
    routes.POST_DEPLOYMENT: ("POST", "/api/v1/deployments", {"key": "run-1"}),
    routes.POST_ALERTS: ("POST", "/api/v1/alerts", {"version": "4"}),
    routes.LIVE_LOG: ("GET", "/api/v1/logs/docuchat/docuchat-api-0?container=api", {}),
    routes.RUN_LOG: ("GET", f"/api/v1/runs/{NO_RUN}/log", {}),
    routes.RUN_LOG_TEXT: ("GET", f"/api/v1/runs/{NO_RUN}/log.txt", {}),
    routes.POST_SIGN_IN: ("POST", "/auth/login", {"email": "nobody@x.example", "password": "x"}),
    routes.POST_SIGN_OUT: ("POST", "/auth/logout", {}),
    routes.POST_SIGN_OUT_EVERYWHERE: ("POST", "/auth/logout-everywhere", {}),
    routes.POST_PASSWORD: ("POST", "/auth/password", {"old": "wrong", "new": "short"}),
    routes.POST_PAY: ("POST", "/pay/start", {"invoices": "{invoice}"}),
    routes.POST_RUN_INPUT: ("POST", "/runbooks/inputs", {"secret": "sk-a-new-key"}),
    routes.HAND_OFF: ("GET", "/pay/{attempt}", {}),
    routes.LANGUAGE: ("GET", "/lang/en?next=/account", {}),
    routes.THEME: ("POST", "/theme/dark", {}),
    routes.MANUAL: ("GET", "/docs", {}),
    # It is not there, whether the manual is built or not.
    routes.MANUAL_FILE: ("GET", "/docs/no-such-page/", {}),
    routes.TO_BANK: ("GET", "/pay/{attempt}/bank", {}),
    # After the way to the bank, because only of who went there another payer is told.
    routes.PAY_OPEN: ("GET", "/pay/open?attempts={attempt}&invoices={invoice}", {}),
    # The last one, because whoever names a payment has it reconciled with the bank how it stands.
    routes.PAY_RETURN: ("GET", "/pay/return?trackId={track}&success=1&status=1&orderId={attempt}", {}),
}
ANSWERS: dict[str, dict[str, Answer]] = {
    routes.LIVE: everybody(200),
    routes.READY: everybody(200),
    routes.SELLER_LOGO: everybody(404),
    routes.AUDIT_EXPORT: {
        "stranger": go_to(r"/sign-in\?next="),
        "viewer": Answer(status=403),
        "admin": Answer(status=403),
        "staff": Answer(status=200),
        "neighbour": Answer(status=403),
    },
    routes.METRICS: everybody(401),
    routes.OPENAPI: everybody(200),
    routes.POST_DEPLOYMENT: everybody(401),
    routes.POST_ALERTS: everybody(401),
    # Staff are told that no cluster is connected.
    routes.LIVE_LOG: everybody(403) | {"stranger": Answer(status=401), "staff": Answer(status=409)},
    # Staff are told that there is no such run.
    routes.RUN_LOG: everybody(403) | {"stranger": Answer(status=401), "staff": Answer(status=404)},
    routes.RUN_LOG_TEXT: everybody(403)
    | {"stranger": go_to(r"/sign-in\?next="), "staff": Answer(status=404)},
    routes.POST_SIGN_IN: everybody(303, r"/sign-in\?error="),
    routes.POST_SIGN_OUT: everybody(303, r"/sign-in$"),
    routes.POST_SIGN_OUT_EVERYWHERE: everybody(303, r"/sign-in$"),
    routes.POST_PASSWORD: everybody(303, r"/account\?error=invalid")
    | {"stranger": go_to(r"/sign-in\?next=")},
    routes.POST_PAY: {
        "stranger": go_to(r"/sign-in\?next="),
        "viewer": go_to(r"/invoices/{invoice}\?error=forbidden"),
        "admin": go_to(r"/pay/"),
        "staff": go_to(r"/invoices/{invoice}\?error=forbidden"),
        "neighbour": go_to(r"/invoices/{invoice}\?error=not_found"),
    },
    # Operators are told that no cluster is connected.
    routes.POST_RUN_INPUT: everybody(403)
    | {"stranger": Answer(status=401), "staff": Answer(status=409), "auditor": Answer(status=403)},
    routes.PAY_RETURN: everybody(200),
    routes.HAND_OFF: {
        "stranger": go_to(r"/sign-in\?next="),
        "viewer": Answer(status=403),
        "admin": Answer(status=200),
        "staff": Answer(status=403),
        "neighbour": Answer(status=404),
    },
    routes.TO_BANK: {
        "stranger": go_to(r"/sign-in\?next="),
        "viewer": Answer(status=403),
        "admin": go_to(r"http://[^/]+/start/{track}$"),
        "staff": Answer(status=403),
        "neighbour": Answer(status=404),
    },
    routes.PAY_OPEN: {
        "stranger": go_to(r"/sign-in\?next="),
        "viewer": Answer(status=403),
        "admin": Answer(status=200),
        "staff": Answer(status=403),
        "neighbour": Answer(status=404),
    },
    routes.LANGUAGE: everybody(303, r"/account$"),
    routes.THEME: everybody(204),
    routes.MANUAL: everybody(308, r"/docs/$") | {"stranger": go_to(r"/sign-in\?next=%2Fdocs$")},
    routes.MANUAL_FILE: everybody(404) | {"stranger": go_to(r"/sign-in\?next=%2Fdocs%2Fno-such-page%2F$")},
}
ENDS_A_SESSION = (routes.POST_SIGN_OUT, routes.POST_SIGN_OUT_EVERYWHERE)
# Whom a page may tell of the first company's payments.
MAY_KNOW = {"viewer", "admin"}


def test_every_plain_route_is_in_the_table(database: str) -> None:
    """Of Reflex's own routes only these three: whether it lives, and the socket that the guard watches."""
    from portal.portal import app  # noqa: PLC0415 (a test that needs no portal should not build it)

    found = [route for route in plain_routes() if isinstance(route, Route)]

    assert len(found) == len(plain_routes())
    assert {route.path for route in found} == set(ASKED) == set(ANSWERS)
    for route in found:
        # Metrics and doors are applications of their own, which Starlette leaves the methods to.
        assert route.methods is None or ASKED[route.path][0] in route.methods
    assert app._api is not None
    assert {getattr(route, "path", "?") for route in app._api.routes} == {"/ping", "/_health", "/_event"}


def test_every_plain_route_answers_each_caller_as_it_should(belongings: Belongings, served: Served) -> None:
    names = {
        "invoice": str(belongings.invoices[0]),
        "attempt": str(belongings.hand_off.attempt_id),
        "track": str(payer.track_of(belongings.hand_off)),
    }
    secrets = [secret for secret in belongings.secrets() if secret != names["track"]]
    before = standing()

    for path in (path for path in ASKED if path not in ENDS_A_SESSION):
        for who, person in callers(served):
            answer = ask(served, path, person, names)
            check(path, who, answer, names)
            assert unsafe_headers(answer) == [], (path, who)
            if who not in MAY_KNOW:
                told = answer.text + str(answer.headers)
                assert [secret for secret in secrets if secret in told] == [], (path, who)
        if path != routes.PAY_RETURN:
            assert standing() == before

    assert standing()["tenant_invoice"] == before["tenant_invoice"]
    assert all(accounts.session_of(person.token) for person in served.house.people.values())


def test_signing_out_ends_only_ones_own_sessions(served: Served) -> None:
    people = [*served.house.people.values(), served.house.neighbour]
    for path in ENDS_A_SESSION:
        for who, person in callers(served):
            token = ""
            if person is not None:
                token = accounts.sign_in(
                    person.email, PASSWORD, address="127.0.0.1", user_agent="another"
                ).token
            with served.client(f"portal={token}" if token else "") as browser:
                check(path, who, browser.post(path), {})
            assert accounts.session_of(token) is None
            others = [each for each in people if each is not person]
            assert all(accounts.session_of(each.token) for each in others), (path, who)
            if person is not None and path == routes.POST_SIGN_OUT_EVERYWHERE:
                assert accounts.session_of(person.token) is None
                people.remove(person)


def callers(served: Served) -> list[tuple[str, Person | None]]:
    """Who asks; the admin last, because that one may change things."""
    people = served.house.people
    staff = [("staff", people[role]) for role in (Role.OPERATOR, Role.APPROVER)]
    return [
        ("stranger", None),
        *staff,
        ("auditor", people[Role.AUDITOR]),
        ("neighbour", served.house.neighbour),
        ("viewer", people[Role.TENANT_VIEWER]),
        ("admin", people[Role.TENANT_ADMIN]),
    ]


def ask(served: Served, path: str, person: Person | None, names: dict[str, str]) -> httpx.Response:
    method, address, form = ASKED[path]
    data = {name: value.format(**names) for name, value in form.items()}
    with served.client(person.cookie if person else "lang=en") as browser:
        return browser.request(method, address.format(**names), data=data or None)


def check(path: str, who: str, answer: httpx.Response, names: dict[str, str]) -> None:
    answers = ANSWERS[path]
    # An auditor is staff, but where it is told apart.
    expected = answers[who] if who in answers else answers["staff"]
    assert answer.status_code == expected.status, (path, who)
    leads_to = re.sub(r"\{(\w+)\}", lambda name: names[name[1]], expected.leads_to)
    assert re.match(leads_to, answer.headers.get("location", "")), (path, who, answer.headers)


# What a browser is told with every answer, errors and redirects included.
SAFE_HEADERS = {
    "x-content-type-options": r"nosniff",
    "x-frame-options": r"DENY",
    "referrer-policy": r"strict-origin-when-cross-origin|origin",
    "cross-origin-opener-policy": r"same-origin",
    "permissions-policy": r"camera=\(\), .+",
    "content-security-policy": r"default-src '(none|self)'.*; frame-ancestors 'none'.*",
    "cache-control": r".+",
}


def unsafe_headers(answer: httpx.Response) -> list[str]:
    """Headers that are missing or weaker than they must be; the policy of scripts allows nothing inline."""
    policy = answer.headers.get("content-security-policy", "")
    scripts = policy.partition("script-src")[2].partition(";")[0]
    return [
        name
        for name, wanted in SAFE_HEADERS.items()
        if not re.fullmatch(wanted, answer.headers.get(name, "")) or "unsafe" in scripts
    ]


def standing() -> dict[str, list[Any]]:
    """How invoices and payments stand."""
    with read() as connection:
        return {
            table: sorted(connection.execute(text(f"SELECT id::text, {column}::text FROM {table}")).all())
            for table, column in (("tenant_invoice", "status"), ("payment_attempt", "state"))
        }
