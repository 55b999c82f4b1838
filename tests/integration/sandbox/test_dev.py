"""`make dev`: what is saved is served, and what cannot run leaves the old version alone."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from backend.sandbox.dev import WATCHED, DevStack, DevWatch
from backend.sandbox.parts import ProcessPart
from backend.sandbox.processes import Command, accepts
from tests.waiting import until

APP = """
from http.server import BaseHTTPRequestHandler, HTTPServer
from portal.features.rows import TEXT

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(TEXT.encode())

def serve(port):
    HTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""


class Desk(NamedTuple):
    """A small portal of one page, and the watch over it."""

    rows: Path
    stack: DevStack
    watch: DevWatch

    def answer(self) -> str:
        return httpx.get(self.stack.web_url).text

    def looks_until(self, words: str, said: pytest.CaptureFixture[str]) -> None:
        heard: list[str] = []

        def has_happened() -> bool:
            self.watch.look()
            heard.append(said.readouterr().out)
            return words in "".join(heard)

        until(has_happened)


class SmallStack(DevStack):
    """A stack whose only part is the small portal."""

    @property
    def client(self) -> Path:
        return self.state_dir


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    root = tmp_path / "code"
    for name in WATCHED:
        (root / name).mkdir(parents=True)
    rows = root / "portal" / "features" / "rows.py"
    rows.parent.mkdir()
    rows.write_text('TEXT = "old"\n')
    (root / "portal" / "portal.py").write_text(APP)
    stack = SmallStack(tmp_path / "state", history_days=0, use="dev-test")
    stack.choose_ports()
    port = stack.ports["web"]
    command = Command(
        name="web",
        argv=[sys.executable, "-c", f"from portal.portal import serve; serve({port})"],
        log_path=stack.log_path("web"),
        cwd=root,
    )
    stack.parts["web"] = ProcessPart(lambda: command, port=port, ready=lambda: accepts(port))
    stack.start("web")
    try:
        yield Desk(rows, stack, DevWatch(stack=stack, root=root))
    finally:
        stack.close()


def test_a_saved_file_is_served_and_told_to_the_open_tabs(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.answer() == "old"

    desk.rows.write_text('TEXT = "quite new"\n')
    desk.looks_until("✓ web", capsys)

    assert desk.answer() == "quite new"
    assert (desk.stack.client / "dev-version.txt").read_text().isdigit()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("TEXT = \n", "✗ portal/features/rows.py, line 1: invalid syntax", id="not Python"),
        pytest.param(
            "TEXT = gone\n", "✗ portal/features/rows.py, line 1: NameError: name 'gone'", id="not defined"
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_old_version_goes_on(
    desk: Desk, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    desk.rows.write_text(text)
    desk.looks_until(said, capsys)
    assert desk.answer() == "old"

    desk.rows.write_text('TEXT = "mended"\n')
    desk.looks_until("✓ web", capsys)
    assert desk.answer() == "mended"
