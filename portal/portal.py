"""The application: pages, the guard before every event, and the plain routes around them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import reflex as rx
from reflex_base import otel

from backend.config import warn_of_development
from backend.db import pulse
from backend.i18n.catalog import text
from backend.tracing import spans
from portal import bridge, feeds, home, pages, session, socket_filter, state_store
from portal.guard import Guard, check_policies
from portal.http.app import served
from portal.i18n import BOOT
from portal.logs import on_browser_error, one_redacted_log
from portal.stale_build import RELOAD_WHEN_SCRIPTS_ARE_GONE
from portal.visitor import on_unexpected


@asynccontextmanager
async def _process_life() -> AsyncIterator[None]:
    one_redacted_log()
    warn_of_development()
    with _traced():
        async with _watching():
            yield
        bridge.close()


@contextmanager
def _traced() -> Iterator[None]:
    """Spans of requests, and Reflex's own of each event, where a collector is named."""
    spans.start("web")
    if (provider := spans.provider()) is not None:
        otel.enable(cast("Any", provider))
    try:
        yield
    finally:
        otel.disable()
        spans.stop()


@asynccontextmanager
async def _watching() -> AsyncIterator[None]:
    with pulse.beating():
        async with (
            state_store.watched(app, _socket_filter.tell_lost),
            session.told_of_changes(),
            feeds.told_by_database(),
            feeds.told_by_cluster(),
            feeds.told_by_overview(),
        ):
            yield


app = rx.App(
    html_lang="fa",
    html_custom_attrs={"dir": "rtl"},
    stylesheets=["app.css"],
    head_components=[
        rx.el.script(RELOAD_WHEN_SCRIPTS_ARE_GONE),
        rx.el.script(BOOT),
        rx.el.script(src="/portal.js", defer=True),
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
        rx.el.meta(name="theme-color", content="#0b6b63"),
    ],
    toaster=None,
    app_wraps={},
    api_transformer=[served],
    frontend_exception_handler=on_browser_error,
    backend_exception_handler=on_unexpected,
)
pages.load_features()
app.add_page(home.not_found, route="/404", title=text("page.not_found.title", "fa"))
app.add_middleware(Guard())
_socket_filter = socket_filter.install(app)
app.register_lifespan_task(_process_life)
check_policies()
