"""The settings stand in both languages with the same facts: names, order, defaults, codes and numbers."""

import re
from dataclasses import dataclass
from hashlib import sha256

import pytest
from pydantic import SecretStr

from backend.config import Settings
from tests.guards.rules import ROOT

_ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| (.*?) \| (.*) \|$", re.MULTILINE)
_CODE = re.compile("`([^`]+)`")
_LATIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹٫", "0123456789.")
NONE_AT_ALL = {"en": "(empty)", "fa": "(خالی)"}
REQUIRED = {"en": "(required)", "fa": "(لازم)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a page says of a setting."""

    default: str
    meaning: str

    @property
    def facts(self) -> tuple[list[str], list[str]]:
        """Whatever is the same in every language: what stands as code, and the numbers outside of it."""
        told = f"{self.default} {self.meaning}"
        numbers = re.findall(r"\d+(?:\.\d+)?", _CODE.sub(" ", told).translate(_LATIN))
        return sorted(set(_CODE.findall(told))), sorted(set(numbers))


def rows(lang: str) -> dict[str, Row]:
    found = _ROW.findall((ROOT / f"docs/{lang}/settings.md").read_text(encoding="utf-8"))
    assert len({name for name, _, _ in found}) == len(found), "a setting has two rows"
    return {name: Row(default=default, meaning=meaning) for name, default, meaning in found}


def test_every_setting_has_its_row_in_both_languages_in_the_same_order() -> None:
    english, persian = list(rows("en")), list(rows("fa"))

    assert sorted(english) == sorted(name.upper() for name in Settings.model_fields)
    assert persian == english


@pytest.mark.parametrize("name", list(rows("en")))
def test_both_languages_tell_the_same_facts_of_a_setting(name: str) -> None:
    assert rows("fa")[name].facts == rows("en")[name].facts


def shown(default: object) -> str:
    """A default as an environment variable would give it."""
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(default) if isinstance(default, tuple) else "" if default is None else str(default)


@pytest.mark.parametrize("lang", ["en", "fa"])
@pytest.mark.parametrize("name", list(rows("en")))
def test_the_default_of_a_setting_is_the_one_that_holds(name: str, lang: str) -> None:
    told, field = rows(lang)[name].default, Settings.model_fields[name.lower()]
    default = field.default
    code = next(iter(_CODE.findall(told)), "")

    if field.is_required():
        assert told == REQUIRED[lang]
    elif name == "PROXY_HOPS":
        assert default is None, "what holds depends on the environment, and the row says both"
    elif name.endswith("_TOKEN_HASH"):
        assert shown(default) == sha256(code.encode()).hexdigest()
    elif shown(default):
        assert code == shown(default)
    else:
        assert told == NONE_AT_ALL[lang]
