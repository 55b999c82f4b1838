"""Stand-ins for programs that need an engine or a cluster: they write down how they were called, and answer as told."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PROGRAM = """#!/usr/bin/env python3
import json, os, sys
name = os.path.basename(sys.argv[0])
folder = os.path.dirname(sys.argv[0])
given = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
with open(os.path.join(folder, "calls.jsonl"), "a") as calls:
    calls.write(json.dumps({"argv": [name, *sys.argv[1:]], "given": given, "env": dict(os.environ)}) + "\\n")
asked = " ".join([name, *sys.argv[1:]])
for prefix, (code, text) in json.load(open(os.path.join(folder, "answers.json"))).items():
    if asked.startswith(prefix):
        print(text)
        sys.exit(code)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a stand-in was called."""

    argv: tuple[str, ...]
    given: str
    env: dict[str, str]

    def __str__(self) -> str:
        return " ".join(self.argv)


@dataclass(slots=True, kw_only=True)
class Programs:
    """A folder for PATH with stand-ins."""

    folder: Path
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)

    def stand_in(self, *names: str) -> "Programs":
        self.folder.mkdir(exist_ok=True)
        for name in names:
            (self.folder / name).write_text(_PROGRAM)
            (self.folder / name).chmod(0o755)
        self.answer()
        return self

    def answer(self, **answers: tuple[int, str]) -> "Programs":
        """Answer calls that begin so; an underscore stands for a blank."""
        self.answers |= {prefix.replace("_", " "): answer for prefix, answer in answers.items()}
        (self.folder / "answers.json").write_text(json.dumps(self.answers))
        return self

    def calls(self) -> list[Call]:
        """Every call so far, the first one first; then they are forgotten."""
        written = self.folder / "calls.jsonl"
        lines = written.read_text().splitlines() if written.exists() else []
        written.unlink(missing_ok=True)
        return [
            Call(argv=tuple(each["argv"]), given=each["given"], env=each["env"])
            for each in map(json.loads, lines)
        ]

    def make(self, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run make with these programs before all others on PATH, and nothing of make around it."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        return subprocess.run(
            ["make", *argv],
            cwd=ROOT,
            env=inherited | {"PATH": f"{self.folder}:{os.environ['PATH']}"} | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
