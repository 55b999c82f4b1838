"""Answers of the sandbox's model and their tokens. Pure: the same request always has the same answer and usage."""

import base64
import math
import re
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

_CHARACTERS_PER_TOKEN = 3
_TOKENS_AROUND_A_MESSAGE = 4
# The vendor caches prompts of this size and more, in steps of 128 tokens.
_SMALLEST_CACHED_PROMPT = 1024
_CACHE_STEP = 128
_REASONING_STEP = 64
_PLACES_OF_A_WORD = 4

_SENTENCES = (
    "بر پایهٔ بند سوم قرارداد، مهلت تحویل سی روز پس از امضا است. ",
    "در گزارش پیوست، مقدار مصرف هر شعبه جداگانه آمده است. ",
    "این سند نسخهٔ تازه‌تری دارد که در آبان بازبینی شده است. ",
    "پاسخ کوتاه: بله، به شرط آن که فرم درخواست پیش از پنجشنبه ثبت شود. ",
    "According to section 4.2, the warranty covers parts but not labour. ",
    "The attached policy names two exceptions, both of them temporary. ",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A finished answer. `completion` contains `reasoning`, `prompt` contains `cached`, as in the vendor's usage."""

    text: str
    prompt: int
    cached: int
    completion: int
    reasoning: int
    is_cut_short: bool


def count_tokens(text: str) -> int:
    """Tokens of a text by the sandbox's simple rule."""
    return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)


def answer_to(texts: Iterable[str], *, reasons: bool, most_tokens: int | None) -> Completion:
    """The answer to a conversation. Its first text (the instructions) is what the vendor would have cached."""
    parts = list(texts) or [""]
    sizes = [count_tokens(part) + _TOKENS_AROUND_A_MESSAGE for part in parts]
    prompt = sum(sizes)
    cached = sizes[0] // _CACHE_STEP * _CACHE_STEP if prompt >= _SMALLEST_CACHED_PROMPT else 0
    dice = crc32("\n".join(parts).encode())
    reasoning = (dice >> 16) % 5 * _REASONING_STEP if reasons else 0
    wanted = reasoning + 80 + dice % 305
    completion = wanted if most_tokens is None else min(wanted, most_tokens)
    return Completion(
        text=_say(dice, completion - min(reasoning, completion)),
        prompt=prompt,
        cached=min(cached, prompt),
        completion=completion,
        reasoning=min(reasoning, completion),
        is_cut_short=completion < wanted,
    )


def texts_of(content: object) -> str:
    """The text of a message's content: a string, or parts of which some have a text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return " ".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))


def pieces(text: str, count: int = 12) -> list[str]:
    """The text in at most `count` pieces, as a stream brings it."""
    size = max(1, math.ceil(len(text) / count))
    return [text[start : start + size] for start in range(0, len(text), size)]


def vector(text: str, dimensions: int) -> list[float]:
    """A unit vector that depends on the text only; texts that share words are near to each other."""
    raw = [0.0] * dimensions
    for word in re.findall(r"\w+", text.casefold()) or [text]:
        dice = crc32(word.encode())
        for step in range(_PLACES_OF_A_WORD):
            raw[(dice >> step) % dimensions] += 1.0 if dice >> (31 - step) & 1 else -1.0
    length = math.sqrt(sum(value * value for value in raw)) or 1.0
    return [value / length for value in raw]


def packed(values: list[float]) -> str:
    """A vector as the vendor packs it: little-endian 32-bit floats in base64."""
    return base64.b64encode(array("f", values).tobytes()).decode()


def _say(dice: int, tokens: int) -> str:
    wanted = tokens * _CHARACTERS_PER_TOKEN
    text = ""
    while len(text) < wanted:
        text += _SENTENCES[dice % len(_SENTENCES)]
        dice = dice // 7 + len(text)
    return text[:wanted]
