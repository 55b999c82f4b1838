"""One log for everything in this process: libraries' own handlers are taken away, secrets are blacked out."""

import logging
from collections import Counter

from backend.log import RedactingFilter, configure_logging, get_logger
from portal.buckets import Buckets
from portal.state_store import LibrariesEcho

LONGEST_REPORT = 1_000
OWN_PACKAGES = frozenset({"backend", "portal", "jobs"})
_LINES_AT_ONCE = 20.0
_LINES_PER_S = 0.2

log = get_logger(__name__)


class FewLibraryLines(logging.Filter):
    """Lets few lines of each library's logger pass: what a browser makes them write must not fill the disk.

    The next line that passes says in ``left_out`` how many before it did not. Our own lines always pass.
    """

    def __init__(self) -> None:
        """Begin with nothing written."""
        super().__init__()
        self._lines = Buckets()
        self._left_out: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if record.name.partition(".")[0] in OWN_PACKAGES:
            return True
        if not self._lines.has_left(record.name, at_once=_LINES_AT_ONCE, per_s=_LINES_PER_S):
            self._left_out[record.name] += 1
            return False
        if left_out := self._left_out.pop(record.name, 0):
            record.__dict__["fields"] = {"left_out": left_out}
        return True


def one_redacted_log() -> None:
    """Send every library's lines through our redacted handler. Reflex logs cookies and payloads when it fails."""
    configure_logging()
    for handler in logging.getLogger().handlers:
        handler.addFilter(LibrariesEcho())
        handler.addFilter(FewLibraryLines())
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        if logger.handlers:
            logger.handlers.clear()
            logger.propagate = True
    # It notes every socket, with the token of the tab.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    if logging.lastResort is not None:
        logging.lastResort.addFilter(RedactingFilter())


def on_browser_error(exception: Exception) -> None:
    """Note what a browser says went wrong in it. Anybody can send such a report, so it stays short."""
    log.warning("portal.browser_failed", report=str(exception)[:LONGEST_REPORT])
