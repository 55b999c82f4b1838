"""The plain routes, and the layers around everything that this port serves."""

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from backend.config import settings, settings_or_exit
from backend.telemetry.exposition import MetricsApp
from portal import routes
from portal.http import (
    audit_export,
    hand_off,
    health,
    live_logs,
    manual,
    open_payments,
    openapi,
    payments,
    preferences,
    run_inputs,
    run_logs,
    seller_logo,
    sign_in,
)
from portal.http.business_metrics import register_business_metrics
from portal.http.client_address import ClientAddress
from portal.http.environment_mark import EnvironmentMark
from portal.http.forms import UnreadableFormError
from portal.http.headers import SecurityHeaders
from portal.http.missing import MissingPages
from portal.http.origin import OwnOriginOnly
from portal.http.own_host import OwnHostOnly
from portal.http.page_access import PageAccess
from portal.http.socket_limit import SocketLimit
from portal.http.start import refuse_wrong_start
from portal.http.traced import TracedRequests


def plain_routes() -> list[BaseRoute]:
    """Every route that is no page."""
    return [
        Route(routes.LIVE, health.live),
        Route(routes.READY, health.ready),
        Route(routes.SELLER_LOGO, seller_logo.logo),
        Route(routes.AUDIT_EXPORT, audit_export.export),
        Route(routes.METRICS, _metrics()),
        Route(routes.OPENAPI, openapi.document),
        # A door tells of a wrong method itself, as JSON.
        *(Route(door.path, door) for door in openapi.DOORS),
        Route(routes.LIVE_LOG, live_logs.follow),
        Route(routes.RUN_LOG, run_logs.follow),
        Route(routes.RUN_LOG_TEXT, run_logs.download),
        Route(routes.POST_SIGN_IN, sign_in.sign_in, methods=["POST"]),
        Route(routes.POST_SIGN_OUT, sign_in.sign_out, methods=["POST"]),
        Route(routes.POST_SIGN_OUT_EVERYWHERE, sign_in.sign_out_everywhere, methods=["POST"]),
        Route(routes.POST_PASSWORD, sign_in.change_password, methods=["POST"]),
        Route(routes.POST_RUN_INPUT, run_inputs.give, methods=["POST"]),
        Route(routes.POST_PAY, payments.start, methods=["POST"]),
        Route(routes.PAY_RETURN, payments.come_back),
        Route(routes.PAY_OPEN, open_payments.tell),
        Route(routes.HAND_OFF, hand_off.lead_to_bank),
        Route(routes.TO_BANK, hand_off.go_to_bank),
        Route(routes.LANGUAGE, preferences.language),
        Route(routes.MANUAL, manual.read),
        Route(routes.MANUAL_FILE, manual.read),
        Route(routes.THEME, preferences.theme, methods=["POST"]),
    ]


def _metrics() -> MetricsApp:
    tokens = settings()
    return MetricsApp(
        tokens.metrics_token.get_secret_value(), previous=tokens.metrics_token_previous.get_secret_value()
    )


def served(reflex_app: ASGIApp) -> ASGIApp:
    """The application as it is served: Reflex behind our routes, inside our layers.

    It runs when a server starts and never during a build, so here the settings are demanded.
    """
    settings_or_exit()
    refuse_wrong_start()
    register_business_metrics()
    plain = Starlette(
        routes=[*plain_routes(), Mount("", MissingPages(reflex_app))],
        exception_handlers={UnreadableFormError: _unreadable, ClientDisconnect: _gone},
    )
    inner = OwnOriginOnly(EnvironmentMark(PageAccess(TracedRequests(plain))))
    return ClientAddress(SecurityHeaders(OwnHostOnly(SocketLimit(inner))))


async def _unreadable(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "unreadable_form"}, status_code=400)


async def _gone(_request: Request, _error: Exception) -> Response:
    """Answer for a client that left before its whole request was here."""
    return Response(status_code=400)
