"""Sentences for stored reasons of undecided and unstarted payments."""

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text


def undecided_why(reason: str | None, lang: Lang) -> str:
    """The sentence for a reason of doubt; empty where there is none."""
    return reason_words(reason, lang) if reason else ""


def reason_words(reason: str, lang: Lang) -> str:
    """A stored reason in words: its own sentence, else the general sentence of its kind, else as stored."""
    kind, _, code = reason.partition("_")
    for key in (f"payment.undecided.{reason}", f"payment.undecided.{kind}_other"):
        if has(key):
            return text(key, lang, code=fmt.identifier(code, lang))
    if has(f"error.{reason}"):
        # What was refused is stored by its key; the amounts of that time are not.
        return text(f"error.{reason}", lang, **dict.fromkeys(("amount_toman", "minimum_toman"), "—"))
    # A code that the catalogue lost is no sentence; what a person wrote is.
    return reason if " " in reason else text("payment.undecided.without_words", lang)
