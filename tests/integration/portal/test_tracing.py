"""A click is one trace down to the last call that it causes; a trace quotes nobody, and costs nobody anything."""

import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from backend.actor import Role
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.zibal.driver import Driver
from portal import portal, routes
from tests.conftest import forget_caches
from tests.integration.payments import payer
from tests.integration.portal.conftest import METRICS_TOKEN, Delta, House, Pipeline, Served, Tab, replaced
from tests.otlp import Collector, attributes, collecting
from tests.waiting import until

SECRET = "sk-live-9f8e7d6c5b4a"
PRINT_LOADED = """
import sys
import jobs.__main__, runbooks.__main__
from backend.tracing import spans
spans.start("jobs")
with spans.span("x"):
    pass
print([name for name in sys.modules if name.startswith("opentelemetry")])
import portal.portal
# Where the package is there, the client of Redis looks for metrics of its own.
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk.trace", "opentelemetry.exporter"))])
"""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that is told within a tenth of a second."""
    with collecting() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        forget_caches()
        yield running
    forget_caches()


def pay(served: Served, amount_rial: int) -> httpx.Response:
    invoice_id = payer.invoice(served.house.own.id, amount_rial)
    with served.client(served.house.people[Role.TENANT_ADMIN].cookie) as browser:
        return browser.post(routes.POST_PAY, data={"invoices": str(invoice_id)})


def scraped(served: Served) -> str:
    headers = {"authorization": f"Bearer {METRICS_TOKEN}", "accept": "application/openmetrics-text"}
    with served.client() as prometheus:
        return prometheus.get(routes.METRICS, headers=headers).text


def test_a_click_on_pay_is_one_trace_to_the_gateway_and_the_histogram_points_to_it(
    collector: Collector, bank: Driver, served: Served
) -> None:
    assert pay(served, 50_000).headers["location"].startswith("/pay/")

    click = collector.wait_for("POST /pay/start")
    asked = collector.wait_for("POST zibal")
    until(lambda: "database" in collector.spans())

    assert click.parent_span_id == b""
    assert asked.trace_id == click.trace_id
    assert attributes(asked) == {
        "peer.service": "zibal",
        "http.request.method": "POST",
        "http.response.status_code": 200,
    }
    assert attributes(click)["http.response.status_code"] == 303
    exemplars = [
        line for line in scraped(served).splitlines() if 'route="/pay/start"' in line and "# {" in line
    ]
    assert any(click.trace_id.hex() in line for line in exemplars)
    # Nobody's cookie, no company, no number of an invoice and no merchant is in what was sent.
    sent = b"".join(collector.bodies)
    person = served.house.people[Role.TENANT_ADMIN]
    for private in (person.token, person.email, str(served.house.own.id), "docuchat-live", "50000"):
        assert private.encode() not in sent

    collector.answers = 503
    before = collector.asked
    assert pay(served, 60_000).headers["location"].startswith("/pay/")
    until(lambda: collector.asked > before)
    until(lambda: "tracing.export_failed" in served.log)
    assert served.log.count("tracing.export_failed") == 1
    assert "Traceback" not in served.log


def test_an_event_that_fails_is_a_trace_that_quotes_nobody(
    collector: Collector, house: House, pipeline: Pipeline
) -> None:
    handler = "reflex___state____state.portal___features___overview___state____overview_state.load"

    def fail() -> None:
        raise ValueError(f"the key is {SECRET}, the company {house.own.name_en}")

    async def steps(tab: Tab) -> list[Delta]:
        cookie = house.people[Role.OPERATOR].cookie
        await tab.open(cookie=cookie)
        return await tab.send(handler, cookie=cookie)

    with portal._traced(), replaced(handler, fail):
        with pytest.raises(ValueError, match="the key is"):
            pipeline.run(steps)
        event = collector.wait_for(handler)

    assert event.status.code == event.status.STATUS_CODE_ERROR
    assert event.status.message == ""
    assert len(event.events) == 0
    sent = b"".join(collector.bodies)
    assert SECRET.encode() not in sent
    assert house.own.name_en.encode() not in sent


def test_without_the_setting_nothing_of_opentelemetry_is_loaded(database: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PRINT_LOADED], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert run.stdout.splitlines() == ["[]", "[]"]
