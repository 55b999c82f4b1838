"""Why a payment is not decided, or did not start: the sentences for the reasons that are stored."""

import re

from backend.i18n.catalog import Lang, has, text

_CODE = re.compile(r"(result|status)_(-?[0-9]+|None)")
_REFUSAL = re.compile(r"(?P<code>[a-z_]+) \{(?P<data>.*)\}")
_DETAIL = re.compile(r"'(?:reason|service)': '(?P<detail>[a-z_]+)'")


def undecided_why(reason: str | None, lang: Lang) -> str:
    """The sentence for a reason of doubt; as it was stored where there is none, empty where there is no doubt."""
    return reason_words(reason, lang) if reason else ""


def reason_words(reason: str, lang: Lang) -> str:
    """A stored reason in words: our own codes by the catalogue, a person's words as they were written."""
    for section in ("undecided", "differs"):
        if has(f"payment.{section}.{reason}"):
            return text(f"payment.{section}.{reason}", lang)
    if code := _CODE.fullmatch(reason):
        return text(f"payment.code.{code[1]}", lang, code=f"\u2066{code[2]}\u2069")
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
