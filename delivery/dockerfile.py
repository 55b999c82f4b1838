"""The stages of a Dockerfile, as far as a test needs them: what is copied where, with which settings what starts."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_COMMENT = re.compile(r"^\s*#.*\n", re.MULTILINE)
_PAIR = re.compile(r"""([A-Za-z_]\w*)=("[^"]*"|\S*)""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A COPY: from the build context, or from another stage."""

    source: str
    target: str
    stage: str = ""


@dataclass(slots=True, kw_only=True)
class Stage:
    """A stage with everything that it has from those below it."""

    name: str
    arguments: dict[str, str] = field(default_factory=dict)
    """What is given when the image is built, with the values that hold when nothing is."""
    env: dict[str, str] = field(default_factory=dict)
    copies: list[Copied] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    check: Sequence[str] = ()
    user: str = ""
    folder: str = "/"
    volumes: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()

    @property
    def argv(self) -> list[str]:
        """The whole command line of a container that is started without arguments."""
        return [*self.entrypoint, *self.command]

    def child(self, name: str) -> "Stage":
        """A stage that begins as this one ends."""
        return Stage(
            name=name, arguments=dict(self.arguments),
            env=dict(self.env), copies=list(self.copies), runs=list(self.runs), check=self.check,
            entrypoint=self.entrypoint, command=self.command, user=self.user, folder=self.folder,
            volumes=self.volumes, ports=self.ports,
        )  # fmt: skip


def stages_of(path: Path) -> Mapping[str, Stage]:
    """The stages by name, in their order."""
    stages: dict[str, Stage] = {}
    now = Stage(name="")
    for word, rest in _instructions(path.read_text()):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            now = stages[name] = stages[base].child(name) if base in stages else Stage(name=name)
        else:
            _note(now, word, rest)
    return stages


def _instructions(text: str) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", " ", _COMMENT.sub("", text))
    lines = (line.strip().partition(" ") for line in joined.splitlines() if line.strip())
    return [(word, rest.strip()) for word, _, rest in lines]


def _note(stage: Stage, word: str, rest: str) -> None:
    match word:
        case "COPY":
            stage.copies += _copies(rest)
        case "RUN":
            stage.runs.append(rest)
        case "ENTRYPOINT":
            stage.entrypoint, stage.command = json.loads(rest), ()
        case "CMD":
            stage.command = json.loads(rest)
        case "HEALTHCHECK":
            stage.check = json.loads(rest.partition(" CMD ")[2])
        case _:
            _note_setting(stage, word, rest)


def _note_setting(stage: Stage, word: str, rest: str) -> None:
    match word:
        case "ARG":
            name, has_default, value = rest.partition("=")
            stage.arguments |= {name: value.strip('"')} if has_default else {}
        case "ENV":
            found = {name: value.strip('"') for name, value in _PAIR.findall(rest)}
            stage.env |= {name: _filled(value, stage.arguments) for name, value in found.items()}
        case "VOLUME":
            stage.volumes += tuple(json.loads(rest))
        case "USER":
            stage.user = rest
        case "WORKDIR":
            stage.folder = rest
        case "EXPOSE":
            stage.ports += (int(rest),)
        case _:
            pass


def _filled(value: str, arguments: Mapping[str, str]) -> str:
    """A value with the arguments that are known in their places."""
    return re.sub(r"\$\{(\w+)\}", lambda found: arguments.get(found[1], found[0]), value)


def _copies(rest: str) -> list[Copied]:
    words = rest.split()
    stage = words.pop(0).removeprefix("--from=") if words[0].startswith("--from=") else ""
    *sources, target = words
    # A folder's content goes into the target, a file goes into a target that ends with a slash.
    return [Copied(source=source, target=target, stage=stage) for source in sources]
