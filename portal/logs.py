"""A single log for this process: libraries lose their own handlers, secrets are blacked out."""

import logging

from backend.log import RedactingFilter, configure_logging, get_logger
from portal.notes import Notes
from portal.state_store import LibrariesEcho

LONGEST_REPORT = 1_000
OWN_PACKAGES = frozenset({"backend", "portal", "jobs"})

log = get_logger(__name__)
_notes = Notes(log)


class FewLibraryLines(logging.Filter):
    """Lets a line of each kind pass per minute: libraries' lines that browsers cause must not fill the disk.

    A kind is a place in the source, with the type of the error that it tells of. The next line that passes says in
    ``left_out`` how many before it did not. Our own lines always pass.
    """

    def __init__(self) -> None:
        """Begin with nothing written."""
        super().__init__()
        self._notes = Notes(log)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        if record.name.partition(".")[0] in OWN_PACKAGES:
            return True
        error = record.exc_info[0].__qualname__ if record.exc_info and record.exc_info[0] else ""
        left_out = self._notes.left_out(f"{record.name}:{record.pathname}:{record.lineno}:{error}")
        if left_out:
            record.__dict__["fields"] = {"left_out": left_out}
        return left_out is not None


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
    """Log an error reported by a browser. Anybody can send such a report, so it is kept short."""
    _notes.warning("portal.browser_failed", report=str(exception))
