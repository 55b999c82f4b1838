"""An audit that nobody answered is a failure, whatever the program that asked thinks of it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from delivery import audits

NOBODY = "http://127.0.0.1:9"
PIP, BUN, *NPM = audits.AUDITS


def everything_is_beyond_reach(monkeypatch: pytest.MonkeyPatch, registry: str = NOBODY) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, NOBODY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("npm_config_registry", registry)
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", registry)
    monkeypatch.setenv("BUN_CONFIG_REGISTRY", registry)
    monkeypatch.setenv("npm_config_fetch_retries", "0")


@pytest.mark.parametrize("audit", audits.AUDITS, ids=lambda audit: audit.name)
def test_an_audit_without_an_advisory_database_fails(
    audit: audits.Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything_is_beyond_reach(monkeypatch)
    assert audits.problem_of(audit).startswith(audits.NOT_RUN)


@contextmanager
def registry_that_says(answer: object, code: int = 200) -> Iterator[str]:
    """A registry that answers every question about advisories alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            body = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (named by its parent)
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


ADVISORY = {
    "id": 1,
    "url": "https://example.com/advisory",
    "title": "A made up one",
    "severity": "high",
    "vulnerable_versions": "<9999.0.0",
    "cvss": {"score": 9.8, "vectorString": None},
    "cwe": [],
}


@pytest.mark.parametrize(("audit", "package"), [(BUN, "react"), (NPM[1], "axe-core")], ids=["bun", "npm"])
def test_an_advisory_fails_the_audit_and_none_passes_it(
    audit: audits.Audit, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with registry_that_says({package: [ADVISORY]}) as registry:
        everything_is_beyond_reach(monkeypatch, registry)
        problem = audits.problem_of(audit)
        assert "A made up one" in problem
        assert audits.NOT_RUN not in problem
    with registry_that_says({}) as registry:
        everything_is_beyond_reach(monkeypatch, registry)
        assert audits.problem_of(audit) == ""


@pytest.mark.parametrize(
    ("gap", "answer"),
    [
        (audits.gap_of_pip, '{"dependencies": [{"name": "reflex", "skip_reason": "not found"}]}'),
        (audits.gap_of_pip, '{"dependencies": []}'),
        (audits.gap_of_pip, "No known vulnerabilities found"),
        (audits.gap_of_npm, '{"metadata": {"dependencies": {"total": 0}}}'),
        (audits.gap_of_npm, '{"error": {"summary": ""}}'),
        (audits.gap_of_npm, ""),
        (audits.gap_of_bun, ""),
        (audits.gap_of_bun, "[]"),
    ],
)
def test_an_answer_about_nothing_is_no_audit(gap: Callable[[str], str], answer: str) -> None:
    assert gap(answer) != ""


def test_the_whole_says_how_many_were_no_audits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    everything_is_beyond_reach(monkeypatch)
    monkeypatch.setattr(audits, "AUDITS", (BUN,))

    assert audits.main() == 1
    assert capsys.readouterr().out.endswith("1 of 1 could not be audited, 0 found something.\n")


def test_every_lock_file_is_audited() -> None:
    audited = {file for audit in audits.AUDITS for file in audit.files}
    locks = {
        str(path.relative_to(audits.ROOT))
        for name in ("package-lock.json", "bun.lock")
        for top in ("backend", "reflex.lock", "docs", "delivery")
        for path in (audits.ROOT / top).rglob(name)
        if "node_modules" not in path.parts
    }
    assert locks | {"requirements.txt"} <= audited
