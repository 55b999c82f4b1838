"""The plain routes, the pages' door and the headers, of the production command on a port."""

import re
from html import unescape
from http import HTTPStatus
from uuid import UUID

import httpx

from backend.actor import Role
from backend.i18n.catalog import LANGUAGES, text
from backend.sandbox import tools
from delivery import smoke
from portal import routes
from tests.integration.payments import payer
from tests.integration.portal.conftest import METRICS_TOKEN, PASSWORD, Served
from tests.integration.portal.test_plain_routes import unsafe_headers
from tests.own_pages import own_pages

FOREIGN = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
POSTS = (
    routes.POST_SIGN_IN,
    routes.POST_SIGN_OUT,
    routes.POST_SIGN_OUT_EVERYWHERE,
    routes.POST_PASSWORD,
    routes.POST_PAY,
    "/theme/dark",
)


def test_the_plain_routes_and_pages_keep_their_promises(served: Served) -> None:
    """One served process for many short promises: starting it is what takes time."""
    for promise in (
        health_tells_the_truth,
        the_smoke_test_passes_and_knows_another_commit,
        metrics_want_their_token,
        foreign_posts_are_refused,
        pages_carry_a_policy_that_allows_their_own_scripts_only,
        every_page_of_the_registry_carries_the_headers_of_pages,
        hashed_files_are_kept_and_pages_are_not,
        strangers_are_sent_to_sign_in,
        each_role_is_sent_to_its_own_page,
        a_page_with_a_long_address_is_served_at_it,
        a_wrong_password_says_so_and_keeps_the_way,
        a_form_that_the_page_posts_is_answered_at_its_field,
        a_right_one_sets_a_cookie_no_script_can_read,
        unreadable_forms_are_refused,
        a_foreign_next_is_not_followed,
        the_language_is_kept_with_the_account,
        the_theme_is_kept_with_the_account,
        the_password_is_changed_only_with_the_old_one,
        signing_out_ends_the_session_at_once,
        what_is_not_there_is_a_404_in_the_readers_language,
        without_scripts_every_page_says_what_is_missing,
        no_secret_stands_in_the_log,
    ):
        promise(served)


def health_tells_the_truth(served: Served) -> None:
    with served.client() as browser:
        assert browser.get(routes.LIVE).json() == {"status": "live"}
        assert browser.get(routes.READY).json() == {"status": "ready"}


def the_smoke_test_passes_and_knows_another_commit(served: Served) -> None:
    assert set(smoke.problems(served.url, "", 0).values()) == {""}
    wrong = {name: problem for name, problem in smoke.problems(served.url, "3f1c2a9", 0).items() if problem}
    assert wrong == {"the right commit serves": "an unknown commit serves, not 3f1c2a9"}


def metrics_want_their_token(served: Served) -> None:
    with served.client(served.house.people[Role.OPERATOR].cookie) as browser:
        assert browser.get(routes.METRICS).status_code == HTTPStatus.UNAUTHORIZED
        assert browser.get(routes.METRICS, headers={"authorization": "Bearer wrong"}).status_code == 401
        answer = browser.get(routes.METRICS, headers={"authorization": f"Bearer {METRICS_TOKEN}"})
    assert answer.status_code == HTTPStatus.OK
    assert "http_request_duration_seconds" in answer.text


def foreign_posts_are_refused(served: Served) -> None:
    with served.client(served.house.people[Role.TENANT_ADMIN].cookie) as browser:
        for path in POSTS:
            assert browser.post(path, headers=FOREIGN).status_code == HTTPStatus.FORBIDDEN, path
        assert browser.get("/usage").status_code == HTTPStatus.OK


def pages_carry_a_policy_that_allows_their_own_scripts_only(served: Served) -> None:
    with served.client() as browser:
        page = browser.get(routes.SIGN_IN)
        again = browser.get(routes.SIGN_IN, headers={"if-none-match": page.headers["etag"]})
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert "unsafe-inline" not in policy["script-src"]
    assert "unsafe-eval" not in policy["script-src"]
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"].count("sha256-") >= len(re.findall(r"<script(?![^>]*src=)", page.text)) > 0
    assert page.headers["x-content-type-options"] == "nosniff"
    assert again.status_code == HTTPStatus.NOT_MODIFIED
    assert "content-security-policy" not in again.headers


def every_page_of_the_registry_carries_the_headers_of_pages(served: Served) -> None:
    names = {"invoice_id": str(payer.invoice(served.house.own.id, 7_654_319)), "runbook_name": "HighLatency"}
    names |= {"runbook_action": "restart_workload"}
    for page in own_pages():
        path = re.sub(r"\[(\w+)\]", lambda place: names.get(place[1], "x"), page.route)
        for role in page.roles & {Role.TENANT_ADMIN, Role.OPERATOR}:
            with served.client(served.house.people[role].cookie) as browser:
                answer = browser.get(path)
            # A run that there is not is told by a page, too.
            assert answer.headers["content-type"].startswith("text/html"), path
            assert answer.status_code == (
                HTTPStatus.NOT_FOUND if page.route == routes.RUN else HTTPStatus.OK
            ), path
            assert unsafe_headers(answer) == [], path
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'self'; script-src 'self' 'sha256-"), path
            assert answer.headers["cache-control"] in {"no-cache", "no-store"}, path


def hashed_files_are_kept_and_pages_are_not(served: Served) -> None:
    with served.client() as browser:
        page = browser.get(routes.SIGN_IN)
        script = re.search(r"/assets/[\w.-]+\.js", page.text)
        assert script is not None
        assert "immutable" in browser.get(script[0]).headers["cache-control"]
        assert page.headers["cache-control"] == "no-cache"
        assert browser.get("/no/such/page").status_code == HTTPStatus.NOT_FOUND


def strangers_are_sent_to_sign_in(served: Served) -> None:
    with served.client() as browser:
        assert browser.get("/").headers["location"] == routes.SIGN_IN
        asked = [re.sub(r"\[\w+\]", "x", page.route) for page in own_pages()]
        assert {routes.USAGE, "/invoices/x"} < set(asked)
        for path in asked:
            location = browser.get(path).headers["location"]
            assert location == f"{routes.SIGN_IN}?{httpx.QueryParams({'next': path})}"
    with served.client("portal=" + "A" * 43) as browser:
        assert "error=sign_in_required" in browser.get(routes.USAGE).headers["location"]


def each_role_is_sent_to_its_own_page(served: Served) -> None:
    for role, person in served.house.people.items():
        with served.client(person.cookie) as browser:
            assert browser.get("/").headers["location"] == routes.home_of(role)
            assert browser.get(routes.SIGN_IN).headers["location"] == routes.home_of(role)
            assert browser.get(routes.home_of(role)).status_code == HTTPStatus.OK
            foreign = routes.BILLING if routes.home_of(role) == routes.USAGE else routes.USAGE
            assert browser.get(foreign).headers["location"] == routes.home_of(role)


def a_page_with_a_long_address_is_served_at_it(served: Served) -> None:
    with served.client(served.house.people[Role.OPERATOR].cookie) as browser:
        assert browser.get(routes.NEW_SILENCE).status_code == HTTPStatus.OK


def a_wrong_password_says_so_and_keeps_the_way(served: Served) -> None:
    with served.client() as browser:
        answer = browser.post(
            routes.POST_SIGN_IN, data={"email": "nobody@x.example", "password": "wrong", "next": "/invoices"}
        )
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert answer.headers["location"] == "/sign-in?next=%2Finvoices&error=sign_in_failed"
    assert "set-cookie" not in answer.headers


def a_form_that_the_page_posts_is_answered_at_its_field(served: Served) -> None:
    person = served.house.people[Role.TENANT_ADMIN]
    changed = {"old": PASSWORD, "new": "another few plain words"}
    forms = (
        (routes.POST_SIGN_IN, {"email": person.email, "password": "wrong"}),
        (routes.POST_PASSWORD, {**changed, "old": "wrong"}),
        (routes.POST_PASSWORD, {**changed, "new": "short"}),
        (
            routes.POST_SIGN_IN,
            {"email": person.email, "password": PASSWORD, "next": "/invoices?page=2"},
        ),
    )
    with served.client(person.cookie) as browser:
        answers = [
            browser.post(path, data=data, headers={"accept": "application/json"}) for path, data in forms
        ]
    *refused, signed_in = answers
    assert [each.json()["field"] for each in refused] == ["password", "old", "new"]
    assert refused[0].json()["text"] == text("error.sign_in_failed", "en")
    assert refused[1].json()["text"] == text("error.invalid.wrong_password", "en")
    assert signed_in.json() == {"to": "/invoices?page=2"}
    assert "portal=" in signed_in.headers["set-cookie"]


def a_right_one_sets_a_cookie_no_script_can_read(served: Served) -> None:
    person = served.house.people[Role.TENANT_ADMIN]
    with served.client() as browser:
        answer = browser.post(routes.POST_SIGN_IN, data={"email": person.email, "password": PASSWORD})
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("portal="))
    assert answer.headers["location"] == routes.USAGE
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "lang=en" in answer.headers["set-cookie"]
    # Nobody has chosen a theme yet, so the browser goes on with its system's.
    assert "theme=" not in answer.headers["set-cookie"]


def unreadable_forms_are_refused(served: Served) -> None:
    with served.client() as browser:
        for body in (b"a=" + b"x" * 20_000, b"&".join(b"f%d=1" % n for n in range(50)), b"\xff\xfe"):
            answer = browser.post(
                routes.POST_SIGN_IN,
                content=body,
                headers={"content-type": "application/x-www-form-urlencoded"},
            )
            assert answer.status_code == HTTPStatus.BAD_REQUEST


def a_foreign_next_is_not_followed(served: Served) -> None:
    person = served.house.people[Role.OPERATOR]
    with served.client() as browser:
        for wanted in ("https://evil.example", "//evil.example", "/\\evil.example"):
            answer = browser.post(
                routes.POST_SIGN_IN, data={"email": person.email, "password": PASSWORD, "next": wanted}
            )
            assert answer.headers["location"] == routes.OVERVIEW
            assert browser.get("/lang/en", params={"next": wanted}).headers["location"] == "/"


def the_language_is_kept_with_the_account(served: Served) -> None:
    person = served.house.people[Role.AUDITOR]
    with served.client(person.cookie) as browser:
        answer = browser.get("/lang/fa", params={"next": "/billing"})
        assert answer.headers["location"] == "/billing"
        assert "lang=fa" in answer.headers["set-cookie"]
        assert "set-cookie" not in browser.get("/lang/tlh").headers
    with served.client() as browser:
        again = browser.post(routes.POST_SIGN_IN, data={"email": person.email, "password": PASSWORD})
    assert "lang=fa" in again.headers["set-cookie"]


def the_theme_is_kept_with_the_account(served: Served) -> None:
    person = served.house.people[Role.AUDITOR]
    with served.client(person.cookie) as browser:
        answer = browser.post("/theme/dark")
    assert answer.status_code == HTTPStatus.NO_CONTENT
    with served.client() as browser:
        again = browser.post(routes.POST_SIGN_IN, data={"email": person.email, "password": PASSWORD})
    assert "theme=dark" in again.headers["set-cookie"]


def the_password_is_changed_only_with_the_old_one(served: Served) -> None:
    person = served.house.people[Role.APPROVER]
    with served.client(person.cookie) as browser:
        wrong = browser.post(routes.POST_PASSWORD, data={"old": "wrong", "new": "another long password"})
        short = browser.post(routes.POST_PASSWORD, data={"old": PASSWORD, "new": "short"})
        done = browser.post(routes.POST_PASSWORD, data={"old": PASSWORD, "new": "another long password"})
    assert wrong.headers["location"] == "/account?error=sign_in_failed"
    assert "error=invalid.password_too_short" in short.headers["location"]
    assert done.headers["location"] == "/account?done=password"
    assert "set-cookie" not in {*wrong.headers, *short.headers}
    renewed = done.cookies["portal"]
    assert "httponly" in done.headers["set-cookie"].lower()
    assert renewed not in served.log
    with served.client(f"portal={renewed}") as browser:
        assert browser.get(routes.ACCOUNT).status_code == HTTPStatus.OK
    with served.client(person.cookie) as thief:
        assert "error=sign_in_required" in thief.get(routes.ACCOUNT).headers["location"]
    with served.client() as browser:
        assert "next=%2Faccount" in browser.post(routes.POST_PASSWORD, data={}).headers["location"]


def signing_out_ends_the_session_at_once(served: Served) -> None:
    person = served.house.people[Role.TENANT_VIEWER]
    with served.client(person.cookie) as browser:
        assert browser.get(routes.USAGE).status_code == HTTPStatus.OK
        answer = browser.post(routes.POST_SIGN_OUT)
        assert 'portal=""' in answer.headers["set-cookie"]
        assert "error=sign_in_required" in browser.get(routes.USAGE).headers["location"]


def no_secret_stands_in_the_log(served: Served) -> None:
    log = served.log
    assert "user.signed_in" in log
    for person in served.house.people.values():
        assert person.token not in log
    for secret in (PASSWORD, METRICS_TOKEN, "another long password"):
        assert secret not in log


def what_is_not_there_is_a_404_in_the_readers_language(served: Served) -> None:
    own = str(payer.invoice(served.house.own.id, 7_654_320))
    foreign = str(payer.invoice(served.house.other.id, 9_876_540))
    strange = (
        f"/invoices/{foreign}",
        f"/invoices/{UUID(int=7)}",
        "/invoices/x",
        "/nowhere",
        "/a/b/c",
        "/%FF",
    )
    cookie = served.house.people[Role.TENANT_ADMIN].cookie
    for lang in LANGUAGES:
        with served.client(cookie.replace("lang=en", f"lang={lang}")) as browser:
            for path in strange:
                answer = browser.get(path)
                assert answer.status_code == HTTPStatus.NOT_FOUND, path
                assert f"<h1>{text('page.not_found.heading', lang)}</h1>" in answer.text
                assert 'class="btn primary" href="/"' in answer.text
            assert browser.get(f"/invoices/{own}").status_code == HTTPStatus.OK
    with served.client(served.house.people[Role.OPERATOR].cookie) as browser:
        assert browser.get(routes.runbook("HighLatency")).status_code == HTTPStatus.OK
        for name in (
            "HighLatenc",
            "HighLatency.md",
            "HighLatency.fa",
            "..%2FHighLatency",
            "%2e%2e",
            "x%00",
            "highlatency",
        ):
            assert browser.get(routes.runbook(name)).status_code == HTTPStatus.NOT_FOUND, name
        assert browser.get(routes.action("restart_workload")).status_code == HTTPStatus.OK
        for path in (
            "/runbooks/run",
            routes.action("no_such_action"),
            routes.action("Restart_Workload"),
            "/runbooks/run/x%00",
            routes.run(UUID(int=7)),
            "/runs/x",
        ):
            assert browser.get(path).status_code == HTTPStatus.NOT_FOUND, path
    with served.client() as stranger:
        assert stranger.get(f"/invoices/{foreign}").status_code == HTTPStatus.SEE_OTHER
        assert stranger.get("/nowhere").status_code == HTTPStatus.NOT_FOUND


def without_scripts_every_page_says_what_is_missing(served: Served) -> None:
    pages = list((tools.LOCAL / "web-e2e" / "build" / "client").rglob("*.html"))
    assert {"sign-in.html", "usage.html", "404.html", "__spa-fallback.html"} <= {page.name for page in pages}
    for page in pages:
        [said] = re.findall("<noscript>.*?</noscript>", page.read_text(), re.DOTALL)
        assert all(text("page.no_script.needed", lang) in unescape(said) for lang in LANGUAGES), page
    person = served.house.people[Role.TENANT_ADMIN]
    with served.client(person.cookie) as browser:
        shell = browser.get(f"/invoices/{payer.invoice(served.house.own.id, 7_654_321)}").text
    assert "<noscript>" in shell
