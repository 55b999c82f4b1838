"""``python -m delivery.smoke``: whether the portal at URL serves, from outside and without signing in.

Reads URL, and REVISION where a certain commit must serve. Ends with 1 where a check fails, and names each.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx

# A new release may take a moment to be reached through the Ingress.
PATIENCE_S, PAUSE_S, TIMEOUT_S = 60.0, 2.0, 10.0
MOST_BYTES = 5_000_000
SIGN_IN = "/sign-in"


class Failed(Exception):
    """A check that did not pass; the text says what was found."""


def _get(client: httpx.Client, path: str, expected: int = HTTPStatus.OK, **headers: str) -> httpx.Response:
    answer = client.get(path, headers=headers)
    if answer.status_code != expected:
        raise Failed(f"{path} answered {answer.status_code}, not {expected}")
    if len(answer.content) > MOST_BYTES:
        raise Failed(f"{path} answered {len(answer.content):,} bytes")
    return answer


def _is_alive(client: httpx.Client, _revision: str) -> None:
    if _get(client, "/healthz").json().get("status") != "live":
        raise Failed("/healthz does not say that it lives")


def _is_ready(client: httpx.Client, _revision: str) -> None:
    if _get(client, "/readyz").json().get("status") != "ready":
        raise Failed("/readyz does not say that it is ready")


def _serves_revision(client: httpx.Client, revision: str) -> None:
    found = _get(client, "/healthz").json().get("revision", "")
    if revision and found != revision:
        raise Failed(f"{found or 'an unknown commit'} serves, not {revision}")


def _page_in(lang: str) -> Callable[[httpx.Client, str], None]:
    def check(client: httpx.Client, _revision: str) -> None:
        # The way by which a person chooses a language, so the cookie is the portal's own.
        chosen = _get(client, f"/lang/{lang}?next={SIGN_IN}", HTTPStatus.SEE_OTHER)
        if f"lang={lang}" not in chosen.headers.get("set-cookie", ""):
            raise Failed(f"the language {lang} is not kept")
        page = _get(client, SIGN_IN, cookie=f"lang={lang}").text
        if 'id="email"' not in page or 'id="password"' not in page:
            raise Failed(f"the sign-in page has no form in {lang}")
        for script in re.findall(r'(?:src|href)="(/assets/[\w.-]+\.js)"', page)[:3]:
            _get(client, script)

    return check


def _headers_are_safe(client: httpx.Client, _revision: str) -> None:
    headers = _get(client, SIGN_IN).headers
    policy = headers.get("content-security-policy", "")
    scripts = policy.partition("script-src")[2].partition(";")[0]
    wrong = {
        "content-security-policy": not scripts
        or "unsafe" in scripts
        or "frame-ancestors 'none'" not in policy,
        "x-content-type-options": headers.get("x-content-type-options") != "nosniff",
        "x-frame-options": headers.get("x-frame-options") != "DENY",
        "referrer-policy": not headers.get("referrer-policy"),
        "strict-transport-security": client.base_url.scheme == "https"
        and "max-age=" not in headers.get("strict-transport-security", ""),
    }
    if missing := [name for name, is_wrong in wrong.items() if is_wrong]:
        raise Failed(f"missing or weak: {', '.join(missing)}")


def _metrics_want_a_token(client: httpx.Client, _revision: str) -> None:
    _get(client, "/api/v1/metrics", HTTPStatus.UNAUTHORIZED)
    _get(client, "/api/v1/metrics", HTTPStatus.UNAUTHORIZED, authorization="Bearer wrong")


def _strangers_see_nothing(client: httpx.Client, _revision: str) -> None:
    for path in ("/usage", "/billing", "/deploys"):
        answer = client.get(path)
        if not answer.headers.get("location", "").startswith(SIGN_IN):
            raise Failed(f"{path} is open to whoever has not signed in")


CHECKS: Mapping[str, Callable[[httpx.Client, str], None]] = {
    "the process lives": _is_alive,
    "it reaches its database": _is_ready,
    "the right commit serves": _serves_revision,
    "the sign-in page in Persian": _page_in("fa"),
    "the sign-in page in English": _page_in("en"),
    "the headers are safe": _headers_are_safe,
    "metrics want a token": _metrics_want_a_token,
    "pages want somebody who signed in": _strangers_see_nothing,
}


def problems(url: str, revision: str, patience_s: float = PATIENCE_S) -> dict[str, str]:
    """Each check with what is wrong; nothing where it passed. Waits until the portal answers at all."""
    with httpx.Client(base_url=url, timeout=TIMEOUT_S) as client:
        _wait_until_served(client, revision, patience_s)
        return {name: _problem_of(check, client, revision) for name, check in CHECKS.items()}


def _wait_until_served(client: httpx.Client, revision: str, patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if not (_problem_of(_is_ready, client, revision) or _problem_of(_serves_revision, client, revision)):
            return
        time.sleep(PAUSE_S)


def _problem_of(check: Callable[[httpx.Client, str], None], client: httpx.Client, revision: str) -> str:
    try:
        check(client, revision)
    except Failed as failed:
        return str(failed)
    except (httpx.HTTPError, ValueError) as error:  # an answer that is no JSON is a ValueError
        return f"{client.base_url} cannot be reached or answers something else: {type(error).__name__}"
    return ""


def main() -> int:
    """Run every check; returns the exit code."""
    url = os.environ.get("URL", "").rstrip("/")
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        print("Name the portal: make smoke URL=https://portal.example.com", file=sys.stderr)
        return 2
    found = problems(url, os.environ.get("REVISION", ""), float(os.environ.get("PATIENCE_S", PATIENCE_S)))
    for name, problem in found.items():
        print(f"{'✗' if problem else '✓'} {name}{': ' if problem else ''}{problem}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
