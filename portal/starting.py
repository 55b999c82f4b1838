"""A start that fails says why in one sentence, without a trace and without an address that may hold a password."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.lifespan.on import LifespanOn, LifespanSendMessage

from backend.log import redact

NOT_STARTED = STARTUP_FAILURE
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


class ServerConfig(uvicorn.Config):
    """uvicorn's settings, with a start of the application that is told as here."""

    def load(self) -> None:
        """Import the application."""
        super().load()
        self.lifespan_class = _Lifespan


class _Lifespan(LifespanOn):
    """The start and the end of the application."""

    async def send(self, message: LifespanSendMessage) -> None:
        """Hear of either. Starlette tells of a failed start with its whole trace, while it handles the error."""
        if message["type"] == "lifespan.startup.failed":
            tell(reason_of(sys.exc_info()[1] or RuntimeError("the application gives no reason")))
            message["message"] = ""
        await super().send(message)


@contextmanager
def told_start(server: uvicorn.Server) -> Iterator[None]:
    """End the process with a sentence and ``NOT_STARTED`` when an error leaves the block before the server serves."""
    try:
        yield
    except Exception as error:
        if not server.started:
            tell(reason_of(error))
            sys.exit(NOT_STARTED)
        raise


def reason_of(error: BaseException) -> str:
    """An error as words in one line: its type, the first line of its message, and the place that raised it."""
    message = (str(error).splitlines() or [""])[0]
    said = _ADDRESS.sub("(an address)", redact(message))
    where = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-1:]]
    return ": ".join([type(error).__name__, *([said] if said else [])]) + "".join(f" ({at})" for at in where)


def tell(reason: str) -> None:
    """Say on standard error that the start failed."""
    print(f"The portal does not start: {reason}.", file=sys.stderr, flush=True)  # noqa: T201 - as settings do
