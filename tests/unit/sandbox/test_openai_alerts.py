"""The stand-in of the model words alerts as a good model does: from the data, in the language that is asked for."""

import json
import re
from typing import Any

from backend.sandbox.openai_alerts import wording

ALERT = {
    "id": 1,
    "name": "InvoicesHeld",
    "service": "billing",
    "since": "۱۲:۳۰",
    "meaning": "صورت‌حساب‌های نگه‌داشته‌شده — شرکت‌ها صورت‌حساب خود را نمی‌بینند.",
    "facts": {},
}


def worded(instructions: str, **alert: Any) -> dict[str, Any]:
    told = json.dumps({"groups": [{"group": 1, "alerts": [ALERT | alert]}]})
    [group] = json.loads(wording({"instructions": instructions, "input": told}, {}))["groups"]
    return dict(group)


def test_a_persian_wording_has_the_alerts_persian_name_and_no_latin_word() -> None:
    group = worded("Write in Persian.")

    assert group["title"] == "صورت‌حساب‌های نگه‌داشته‌شده"
    assert "شرکت‌ها" in group["text"]
    assert re.findall("[A-Za-z]+", group["title"] + group["text"]) == []


def test_an_alert_without_a_meaning_keeps_its_name_in_both_languages() -> None:
    assert worded("Write in Persian.", meaning="")["title"] == "هشدار InvoicesHeld"
    assert worded("Write in English.")["title"] == "InvoicesHeld in billing"
