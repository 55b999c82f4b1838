"""Expected errors as sentences for people."""

from backend.errors import AppError
from backend.i18n.catalog import Lang, has, text
from backend.i18n.format import number


def error_text(error: AppError, lang: Lang) -> str:
    """The sentence for an error: event, meaning and remedy; a general sentence where no exact one exists."""
    key = error.key if has(error.key) else f"error.{error.code}"
    shown = {
        name: number(value, lang) if isinstance(value, int) else value for name, value in error.data.items()
    }
    return text(key, lang, **shown)


def sentence_of(error: AppError) -> str:
    """The English sentence for a terminal; for an unreachable database, the reason."""
    # Mail servers, Prometheus and the gateway have causes of their own.
    key = f"error.database_cause.{error.data.get('cause')}"
    if error.data.get("service") == "database" and has(key):
        return text(key, "en")
    return error_text(error, "en")
