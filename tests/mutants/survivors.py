"""The mutants that nobody can kill, because they do what the original does, each with the reason."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

KEPT = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A change of one function; numbers of mutants move when a function grows, the change itself does not."""

    function: str
    change: str

    @classmethod
    def of(cls, mutant: str, change: str) -> Self:
        """The survivor with mutmut's name for a mutant, such as `backend.money.x_floor__mutmut_3`."""
        module, _, mangled = mutant.rpartition(".")
        name = mangled.rpartition("__mutmut_")[0].removeprefix("x_").replace("xǁ", "").replace("ǁ", ".")
        return cls(function=f"{module}.{name}", change=change)


def known_survivors() -> dict[Survivor, str]:
    """Why each known survivor lives on."""
    kept = tomllib.loads(KEPT.read_text())["survivor"]
    return {
        Survivor(function=each["function"], change=each["change"].strip()): each["reason"] for each in kept
    }
