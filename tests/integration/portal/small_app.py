"""A small application that starts as the file says that ``SMALL_APP`` names, for tests of what starts it."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

ADDRESS = "postgresql://portal:a-secret-word@db.example/portal"


class NotReachedError(Exception):
    """What a library raises that names an address in its message."""


def made() -> Starlette:
    """The application, or the failure that the file asks for."""
    match wanted():
        case "raise":
            raise NotReachedError(f"connection to {ADDRESS} failed\nin two lines")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            sys.stderr.write("Setting X: is wrong.\n")
            sys.exit(2)
    return Starlette(routes=[Route("/", who)], lifespan=life)


@asynccontextmanager
async def life(_app: Starlette) -> AsyncIterator[None]:
    """Fails where the file asks for it."""
    if wanted() == "raise late":
        raise NotReachedError(f"connection to {ADDRESS} failed")
    yield


def wanted() -> str:
    """What the file says now."""
    return Path(os.environ["SMALL_APP"]).read_text()


async def who(_request: Request) -> PlainTextResponse:
    """The process that answers."""
    return PlainTextResponse(str(os.getpid()))
