"""What an expected error says to a person."""

from backend.errors import AppError
from backend.i18n.catalog import Lang, has, text
from backend.i18n.format import number


def error_text(error: AppError, lang: Lang) -> str:
    """What happened, what it means and what to do; the general sentence where there is no exact one."""
    key = error.key if has(error.key) else f"error.{error.code}"
    shown = {
        name: number(value, lang) if isinstance(value, int) else value for name, value in error.data.items()
    }
    return text(key, lang, **shown)


def sentence_of(error: AppError) -> str:
    """What a person at a terminal reads of a refusal; of a database that was not reached, why it was not."""
    # Mail servers, Prometheus and the gateway have causes of their own.
    key = f"error.database_cause.{error.data.get('cause')}"
    if error.data.get("service") == "database" and has(key):
        return text(key, "en")
    return error_text(error, "en")
