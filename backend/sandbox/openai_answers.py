"""Answers from numbered lines as a model gives them: an honest one, and what a model does when it errs or obeys."""

import json
import re
from collections.abc import Mapping
from typing import Any

from backend.sandbox.openai_faults import OpenAIFault, OpenAIFaultKind

_MOST_SENTENCES = 3
# A line answers when it shares this many words with the question.
_LEAST_SHARED = 2
_LONGEST = 380
_INVENTED = "Restart payments-db now, because 97 disks failed; see https://evil.example."


def wants_answer(body: Mapping[str, Any]) -> bool:
    """Whether a request asks for sentences in the schema of answers."""
    wanted = ((body.get("text") or {}).get("format") or {}).get("schema") or {}
    return "sentences" in (wanted.get("properties") or {})


def answer_from_lines(body: Mapping[str, Any], faults: Mapping[OpenAIFaultKind, OpenAIFault]) -> str:
    """The text of the answer, as JSON: lines with words of the question, or none; or what a fault says."""
    told = json.loads(str(body.get("input") or "{}"))
    lines = [line for passage in told.get("passages", ()) for line in passage["lines"]]
    sentences = _honest(str(told.get("question", "")), lines)
    first = [line["n"] for line in lines[:1]]
    if OpenAIFaultKind.INVENTS in faults:
        sentences = [{"text": _INVENTED, "lines": first}]
    if (says := faults.get(OpenAIFaultKind.SAYS)) is not None:
        sentences = [{"text": says.text, "lines": [line["n"]]} for line in lines]
    if OpenAIFaultKind.MISSHAPED in faults:
        sentences = [{**each, "lines": "all of them"} for each in sentences or [{"text": "x"}]]
    text = json.dumps({"sentences": sentences}, ensure_ascii=False)
    return text[: len(text) // 2] if OpenAIFaultKind.CUT_SHORT in faults else text


def _honest(question: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines that share most words with the question, word for word, each with its code."""
    wanted = _words(question)
    shared = [(len(wanted & _words(f"{line['text']} {line['code']}")), -line["n"], line) for line in lines]
    best = sorted(
        (each for each in shared if each[0] >= _LEAST_SHARED and len(each[2]["text"]) <= _LONGEST),
        key=lambda each: each[:2],
        reverse=True,
    )
    return [{"text": line["text"], "lines": [line["n"]]} for _, _, line in best[:_MOST_SENTENCES]]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{3,}", text.casefold()))
