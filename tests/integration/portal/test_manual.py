"""The manual is for who is signed in: whole files of the built site, and nothing beside it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from backend.actor import Role
from portal import routes
from portal.http import manual
from tests.integration.portal.conftest import House

PAGE = "<!doctype html><script>var scope = 1</script><h1>راهنما</h1>"
# 'sha256-...' of `var scope = 1`, by openssl.
HASH = "'sha256-kSYNeR4L0nuTPfK2WxwcEFUx46J+JNiwRYTwep8oNKY='"

Reader = Callable[[str], httpx.Response]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    for path in ("index.html", "quick-start/index.html", "en/index.html"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(PAGE)
    (folder / "search.js").write_text("postMessage(1)")
    (tmp_path / "secret.txt").write_text("not of the site")
    (folder / "climbs").symlink_to(tmp_path / "secret.txt")
    monkeypatch.setattr(manual, "SITE", folder)
    return folder


@pytest.fixture
def read(house: House, site: Path) -> Reader:
    return reader(house.people[Role.TENANT_VIEWER].cookie)


def reader(cookie: str) -> Reader:
    """Asks for raw paths, as a hostile client would: httpx alone takes the dots out of them."""
    routes_of_manual = [Route(each, manual.read) for each in (routes.MANUAL, routes.MANUAL_FILE)]
    transport = httpx.ASGITransport(Starlette(routes=routes_of_manual))

    async def ask(path: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://portal") as browser:
            return await browser.get(path, headers={"cookie": cookie})

    return lambda path: asyncio.run(ask(path))


def test_a_reader_gets_pages_and_their_files_with_their_types(read: Reader) -> None:
    answers = {path: read(path) for path in ("/docs/", "/docs/en/", "/docs/quick-start/", "/docs/search.js")}

    assert {answer.status_code for answer in answers.values()} == {200}
    assert answers["/docs/"].text == answers["/docs/quick-start/"].text == PAGE
    assert answers["/docs/"].headers["content-type"] == "text/html; charset=utf-8"
    assert answers["/docs/search.js"].headers["content-type"].startswith("text/javascript")
    assert {answer.headers["cache-control"] for answer in answers.values()} == {"private, no-cache"}


def test_a_folder_is_read_with_a_slash_so_that_its_links_lead_on(read: Reader) -> None:
    found = {path: read(path) for path in ("/docs", "/docs/en", "/docs/quick-start")}

    assert {path: answer.headers["location"] for path, answer in found.items()} == {
        path: f"{path}/" for path in found
    }


def test_a_page_may_run_its_own_scripts_and_no_other(read: Reader) -> None:
    policy = read("/docs/").headers["content-security-policy"]

    assert f"script-src 'self' {HASH};" in f"{policy};"
    assert "unsafe-inline" not in policy.partition("script-src")[2]
    assert "frame-ancestors 'none'" in policy


def test_the_searchs_worker_may_fetch_its_index(read: Reader) -> None:
    """A worker obeys the policy of its own script, and the portal's for files allows nothing."""
    assert read("/docs/search.js").headers["content-security-policy"].startswith("default-src 'self'")


@pytest.mark.parametrize(
    "path",
    [
        "/docs/../secret.txt",
        "/docs/..%2fsecret.txt",
        "/docs/%2e%2e/secret.txt",
        "/docs/en/../../secret.txt",
        "/docs//etc/passwd",
        "/docs/%2fetc%2fpasswd",
        "/docs/climbs",
        "/docs/%00",
        "/docs/" + "a" * 5000,
        "/docs/no-such-page/",
    ],
)
def test_what_is_not_of_the_site_is_not_there(read: Reader, path: str) -> None:
    answer = read(path)

    assert answer.status_code == 404
    assert "not of the site" not in answer.text
    assert "root:" not in answer.text


def test_a_stranger_is_led_to_sign_in_and_back(house: House, site: Path) -> None:
    answer = reader("lang=en")("/docs/quick-start/")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fdocs%2Fquick-start%2F"


def test_where_no_manual_was_built_that_is_said(
    house: House, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manual, "SITE", site / "gone")

    answer = reader(house.people[Role.OPERATOR].cookie)("/docs/")

    assert answer.status_code == 404
    assert "make docs" in answer.text
