"""One log for everything in this process: libraries' own handlers are taken away, secrets are blacked out."""

import logging

from backend.log import RedactingFilter, configure_logging


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
