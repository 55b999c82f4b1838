"""Wordings of alerts as a model gives them: an honest one from the data, and what a model does when it errs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backend.sandbox.openai_faults import OpenAIFaultKind

_LONGEST = 380
# What is not to be believed, in every way at once: a number, a name, a cause, an order and an address.
_INVENTED = "Restart payments-db now, because 97 disks failed; see https://evil.example."


def wants_wording(body: Mapping[str, Any]) -> bool:
    """Whether a request asks for groups in the schema of wordings."""
    wanted = ((body.get("text") or {}).get("format") or {}).get("schema") or {}
    return "groups" in (wanted.get("properties") or {})


def wording(body: Mapping[str, Any], faults: Mapping[OpenAIFaultKind, object]) -> str:
    """The text of the answer, as JSON; cut, misshaped or full of inventions where a fault says so."""
    is_persian = "in Persian" in str(body.get("instructions", ""))
    told = json.loads(str(body.get("input") or "{}"))
    groups = [_group(each["alerts"], is_persian=is_persian) for each in told.get("groups", ())]
    if OpenAIFaultKind.INVENTS in faults:
        groups = [{**group, "text": _INVENTED} for group in groups]
    if OpenAIFaultKind.MISSHAPED in faults:
        groups = [{**group, "ids": "all of them"} for group in groups]
    text = json.dumps({"groups": groups}, ensure_ascii=False)
    return text[: len(text) // 2] if OpenAIFaultKind.CUT_SHORT in faults else text


def _group(alerts: Sequence[Mapping[str, Any]], *, is_persian: bool) -> dict[str, Any]:
    first = alerts[0]
    names = " ".join(dict.fromkeys(str(each["name"]) for each in alerts))
    title, _, meaning = str(first["meaning"] or first["facts"].get("summary", "")).rpartition(" — ")
    # Services have Latin names, and a good model mixes no scripts: the alert's own sentence says what it is about.
    where = f" in {first['service']}" if first["service"] and not is_persian else ""
    since = f"از {first['since']}" if is_persian else f"Since {first['since']}"
    return {
        "ids": [each["id"] for each in alerts],
        "title": (title or f"هشدار {first['name']}") if is_persian else f"{first['name']}{where}",
        "text": f"{since}{where}: {meaning or names}"[:_LONGEST],
    }
