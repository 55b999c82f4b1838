"""Expected errors as sentences for people."""

from datetime import date, datetime

from backend.errors import AppError
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text
from backend.i18n.names import named


def error_text(error: AppError, lang: Lang) -> str:
    """The sentence for an error: event, meaning and remedy; a general sentence where no exact one exists."""
    return text(
        key_of(error), lang, **{name: _shown(name, value, lang) for name, value in error.data.items()}
    )


def key_of(error: AppError) -> str:
    """The catalogue key of its most exact sentence."""
    return error.key if has(error.key) else f"error.{error.code}"


def _shown(place: str, value: str | int | date, lang: Lang) -> str:
    if isinstance(value, datetime):
        return fmt.moment(value, lang)
    if isinstance(value, date):
        return fmt.day(value, lang)
    return (named(place, value, lang) or value) if isinstance(value, str) else fmt.number(value, lang)


def sentence_of(error: AppError) -> str:
    """The English sentence for a terminal; for an unreachable database, the reason."""
    # Mail servers, Prometheus and the gateway have causes of their own.
    key = f"error.database_cause.{error.data.get('cause')}"
    if error.data.get("service") == "database" and has(key):
        return text(key, "en")
    return error_text(error, "en")
