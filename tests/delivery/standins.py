"""Stand-ins for programs that need an engine or a cluster: they write down how they were called, and answer as told."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PROGRAM = r"""#!/bin/sh
folder=${0%/*}
name=${0##*/}
given=$(cat)
printf '%s\037' "$name" "$@" >>"$folder/calls"
printf '\036%s\035' "$given" >>"$folder/calls"
while IFS='|' read -r prefix code text; do
	case "$name $*" in
	"$prefix"*)
		printf '%b\n' "$text"
		exit "$code"
		;;
	esac
done <"$folder/answers"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a stand-in was called."""

    argv: tuple[str, ...]
    given: str

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
        lines = (f"{prefix}|{code}|{_line(text)}\n" for prefix, (code, text) in self.answers.items())
        (self.folder / "answers").write_text("".join(lines))
        return self

    def calls(self) -> list[Call]:
        """Every call so far, the first one first; then they are forgotten."""
        written = self.folder / "calls"
        told = written.read_text().split("\x1d")[:-1] if written.exists() else []
        written.unlink(missing_ok=True)
        pairs = (each.split("\x1e") for each in told)
        return [Call(argv=tuple(argv.split("\x1f")[:-1]), given=given) for argv, given in pairs]

    def make(self, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run make with these programs before all others on PATH, and nothing of make around it."""
        # What `make test ARGS=...` was given is in the environment as well.
        given = {word.partition("=")[0] for word in os.environ.get("MAKEFLAGS", "").split() if "=" in word}
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("MAKE") and name not in given
        }
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


def _line(text: str) -> str:
    return text.replace("\n", "\\n")
