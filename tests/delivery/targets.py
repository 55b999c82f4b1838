"""The targets of the Makefile, read from its files."""

import re
from dataclasses import dataclass

from tests.delivery.standins import ROOT

_HELPED = re.compile(r"^([a-z0-9-]+):([^#\n]*)## (.+)$")
_BARE = re.compile(r"^([a-z0-9-]+):(?!=)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target with its topic, its help and its recipe."""

    name: str
    topic: str
    help: str
    needs: tuple[str, ...]
    recipe: str


def targets() -> dict[str, Target]:
    """Every target with a help text, by its name."""
    found: dict[str, Target] = {}
    for file in (ROOT / "Makefile", *sorted((ROOT / "make").glob("*.mk"))):
        topic = ""
        lines = file.read_text().splitlines()
        for number, line in enumerate(lines):
            if line.startswith("##@ "):
                topic = line.removeprefix("##@ ")
            if read := _HELPED.match(line):
                name, needs, told = read.groups()
                assert name not in found, f"{name} is defined twice"
                found[name] = Target(
                    name=name,
                    topic=topic,
                    help=told,
                    needs=tuple(needs.split()),
                    recipe=_recipe(lines[number + 1 :]),
                )
    return found


def bare_targets() -> list[str]:
    """Targets without a help text."""
    files = (ROOT / "Makefile", *sorted((ROOT / "make").glob("*.mk")))
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [read[1] for line in lines if (read := _BARE.match(line)) and not _HELPED.match(line)]


def _recipe(following: list[str]) -> str:
    taken: list[str] = []
    for line in following:
        if not line.startswith("\t"):
            break
        taken.append(line.strip())
    return "\n".join(taken)
