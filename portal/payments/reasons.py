"""Why a payment is not decided, or did not start: the sentences for the reasons that are stored."""

import re

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text

_REFUSAL = re.compile(r"(?P<code>[a-z_]+) \{(?P<data>.*)\}")
_DETAIL = re.compile(r"'(?:reason|service)': '(?P<detail>[a-z_]+)'")


def undecided_why(reason: str | None, lang: Lang) -> str:
    """The sentence for a reason of doubt; empty where there is none."""
    return reason_words(reason, lang) if reason else ""


def reason_words(reason: str, lang: Lang) -> str:
    """A stored reason in words: by the catalogue, the general one of its kind for a code without one; else as it is."""
    kind, _, code = reason.partition("_")
    for key in (f"payment.undecided.{reason}", f"payment.undecided.{kind}_other"):
        if has(key):
            return text(key, lang, code=fmt.digits(code, lang))
    if refusal := _REFUSAL.fullmatch(reason):
        return _refusal_words(refusal["code"], refusal["data"], lang)
    return reason


def _refusal_words(code: str, data: str, lang: Lang) -> str:
    """An error of ours that was stored as its code and its data."""
    detail = _DETAIL.search(data)
    for key in (f"error.{code}.{detail['detail']}" if detail else "", f"error.{code}"):
        if key and has(key):
            return text(key, lang, **dict.fromkeys(("amount_toman", "minimum_toman"), "—"))
    return "—"
