"""A DocuChat process: its counters are what the vendor answered, and it does not leave before they were scraped."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.sandbox.processes import Child, Command, accepts, free_port, wait_until
from tests.integration.telemetry.conftest import ROOT, Counts, Vendor

SCRAPE_INTERVAL_S = 1.0
Start = Callable[[str], "DocuChat"]


class DocuChat:
    def __init__(self, vendor: Vendor, tenant: str, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        argv = [sys.executable, "-m", "backend.sandbox.docuchat", "--port", str(port)]
        argv += ["--openai-url", vendor.url, "--tenants", f'["{tenant}"]', "--share", "600"]
        argv += ["--scrape-interval-s", str(SCRAPE_INTERVAL_S)]
        self.child = Child(Command(name="docuchat", argv=argv, log_path=folder / "log", cwd=ROOT))
        wait_until(lambda: accepts(port), child=self.child)

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        text = httpx.get(f"{self.url}/metrics", trust_env=False).text
        return [
            (sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        ]

    def tokens(self) -> Counts:
        return {
            (labels["model"], labels["type"]): int(value)
            for labels, value in self.samples("openai_tokens_total")
            if value
        }

    def is_leaving(self) -> bool:
        return httpx.get(f"{self.url}/health", trust_env=False).status_code == 503

    def wait_for_usage(self) -> None:
        wait_until(lambda: len(self.tokens()) == 7, child=self.child)


@pytest.fixture
def start(vendor: Vendor, tmp_path: Path) -> Iterator[Start]:
    started: list[DocuChat] = []

    def run(tenant: str) -> DocuChat:
        started.append(DocuChat(vendor, tenant, tmp_path))
        return started[-1]

    yield run
    for process in started:
        process.child.stop()


def test_it_counts_what_the_vendor_answered_and_waits_to_be_scraped(
    start: Start, vendor: Vendor, tenant: str
) -> None:
    docuchat = start(tenant)
    docuchat.wait_for_usage()

    docuchat.child.process.terminate()
    told = time.monotonic()
    wait_until(docuchat.is_leaving, child=docuchat.child)
    scrapes = []
    while docuchat.child.is_running():
        try:
            scrapes.append(docuchat.tokens())
        except httpx.TransportError:
            break
    docuchat.child.process.wait(10)

    assert time.monotonic() - told >= 2 * SCRAPE_INTERVAL_S
    assert docuchat.child.process.returncode == 0
    assert scrapes[-1] == vendor.answered(tenant)


def test_a_restart_is_a_new_incarnation(start: Start, tenant: str) -> None:
    first = start(tenant).samples("process_start_time_seconds")
    second = start(tenant).samples("process_start_time_seconds")

    assert len(first) == len(second) == 1
    assert second[0][1] > first[0][1]


def test_its_tenants_have_their_children_before_they_ask(start: Start) -> None:
    children = {
        (labels["model"], labels["type"])
        for labels, _ in start("narvan-press").samples("openai_tokens_total")
    }

    assert len(children) == 7


def test_a_second_signal_ends_it_at_once(start: Start, tenant: str) -> None:
    docuchat = start(tenant)
    docuchat.child.process.terminate()
    wait_until(docuchat.is_leaving, child=docuchat.child)
    docuchat.child.process.terminate()

    docuchat.child.process.wait(10)

    assert docuchat.child.process.returncode == 0


def test_its_requests_are_timed_by_template(start: Start, tenant: str) -> None:
    docuchat = start(tenant)
    docuchat.wait_for_usage()

    routes = {labels["route"] for labels, _ in docuchat.samples("http_request_duration_seconds_count")}

    assert "/api/tenants/{tenant}/questions" in routes
    assert not any(tenant in route for route in routes)
