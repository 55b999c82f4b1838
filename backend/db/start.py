"""Checks of the database before a process starts."""

import sys

from backend.db.connecting import Cause
from backend.db.engine import read
from backend.errors import Unavailable
from backend.i18n.errors import sentence_of
from backend.log import get_logger

log = get_logger(__name__)


def refuse_unsuitable_database() -> None:
    """End the process with a sentence when the database cannot keep our texts; one that is away is waited for."""
    try:
        with read():
            pass
    except Unavailable as lost:
        if lost.data.get("cause") == Cause.ENCODING:
            print(sentence_of(lost), file=sys.stderr)  # noqa: T201 - as for a wrong setting
            sys.exit(2)
        log.warning("database.not_reached", meaning=sentence_of(lost))
