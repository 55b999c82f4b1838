"""One log for everything in this process: libraries' own handlers are taken away, secrets are blacked out."""

import logging

from backend.log import RedactingFilter, configure_logging, get_logger

LONGEST_REPORT = 1_000

log = get_logger(__name__)


def one_redacted_log() -> None:
    """Send every library's lines through our redacted handler. Reflex logs cookies and payloads when it fails."""
    configure_logging()
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        if logger.handlers:
            logger.handlers.clear()
            logger.propagate = True
    if logging.lastResort is not None:
        logging.lastResort.addFilter(RedactingFilter())


def on_browser_error(exception: Exception) -> None:
    """Note what a browser says went wrong in it. Anybody can send such a report, so it stays short."""
    log.warning("portal.browser_failed", report=str(exception)[:LONGEST_REPORT])
