"""Logging: one JSON object a line, past-tense event names, fields instead of prose, secrets blacked out."""

import logging
import re
import sys
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson

from backend.secret_shapes import without_blocks, without_shapes

_CARD = re.compile(r"\b(\d{6})\d{6}(\d{4})\b")

# A browser can send a megabyte in one event, and libraries log the whole of what they do not understand.
_MOST_LETTERS = 4_000
_MOST_LETTERS_OF_A_TRACE = 16_000
_LONGEST_SECRET = 4_000


def redact(text: str, *, most: int = _MOST_LETTERS) -> str:
    """The text without what looks like a secret, and without the middle of card numbers, cut where it is long."""
    # Only what is kept needs to be read, but a secret that the cut would split must still be seen whole.
    read = text[: most + _LONGEST_SECRET]
    is_whole = len(read) == len(text)
    read = _CARD.sub(r"\1******\2", without_shapes(without_blocks(read)))
    if not is_whole:
        read = read[:-_LONGEST_SECRET]
    return read if is_whole and len(read) <= most else f"{read[:most]}…"


class RedactingFilter(logging.Filter):
    """Blacks out secrets in all log lines; Reflex, for one, logs cookies and payloads on errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; every record passes."""
        record.msg = redact(record.getMessage())
        record.args = None
        return True


class JSONFormatter(logging.Formatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The line without a line break inside."""
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["trace"] = redact(self.formatException(record.exc_info), most=_MOST_LETTERS_OF_A_TRACE)
        return orjson.dumps(entry, default=str).decode()


class EventLog:
    """A logger whose calls take an event name and fields."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def info(self, event: str, **fields: object) -> None:
        """Log an expected event."""
        self._emit(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Log an event that deserves attention some time."""
        self._emit(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        """Log a failure that needs attention now."""
        self._emit(logging.ERROR, event, fields)

    def exception(self, event: str, *, caught: BaseException | None = None, **fields: object) -> None:
        """As error, with the trace of the caught exception, or of the one that is being handled."""
        self._emit(logging.ERROR, event, fields, trace=caught or True)

    def _emit(
        self, level: int, event: str, fields: dict[str, object], *, trace: bool | BaseException = False
    ) -> None:
        plain = {name: _plain(value) for name, value in fields.items()}
        self._logger.log(level, event, extra={"fields": plain}, exc_info=trace)


def _plain(value: object) -> object:
    if isinstance(value, int | float | bool | None):
        return value
    if isinstance(value, datetime | date | UUID):
        return str(value)
    return redact(str(value))


def get_logger(name: str) -> EventLog:
    """The event log of a module."""
    return EventLog(name)


def configure_logging(level: int = logging.INFO) -> None:
    """Send every logger's lines to standard error as redacted JSON. Idempotent."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter())
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
