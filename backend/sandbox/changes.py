"""Consequences of a saved file for `make dev`: the build, and the processes that start again."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from backend.sandbox.frontend import SOURCES, TYPE_SOURCES

# Strings for a page that exists already, queries and plain routes: no build holds anything of them.
ONLY_SERVED = ("portal/*rows.py", "portal/*queries.py", "portal/http/*")
# The outside world starts only with the stack, and a half-written migration must not reach the demo's data.
UNWATCHED = ("backend/sandbox/*", "backend/db/migrations/*")
_SENTENCE = re.compile(r"^[\w.]*(?:Error|Exception|Warning)\b.*", re.MULTILINE)
_FRAME = re.compile(r'File "(?P<path>[^"]+)", line (?P<line>\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work until a change is visible: perhaps a build, then a restart of these parts, in this order."""

    build: bool
    restart: Sequence[str]


def work_for(changed: Iterable[str]) -> Work:
    """The work for changed files, which are named from the repository's root. Whatever may concern a build is built."""
    paths = [path for path in changed if not _is_one_of(path, UNWATCHED)]
    build = any(
        _is_one_of(path, (*SOURCES, *TYPE_SOURCES)) and not _is_one_of(path, ONLY_SERVED) for path in paths
    )
    jobs = any(path.startswith(("backend/", "jobs/")) for path in paths)
    web = build or any(path.startswith(("backend/", "portal/")) for path in paths)
    return Work(build=build, restart=[name for name, wanted in (("jobs", jobs), ("web", web)) if wanted])


def mistake_in(root: Path, path: str) -> str | None:
    """The syntax error of a saved file: path, line and a sentence; None when it can be read."""
    file = root / path
    if not file.is_file():
        return None
    try:
        if file.suffix == ".py":
            compile(file.read_bytes(), path, "exec")
        elif file.suffix == ".toml":
            tomllib.loads(file.read_text())
    except SyntaxError as error:
        return f"{path}, line {error.lineno}: {error.msg}"
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return f"{path}: {error}"
    return None


def last_mistake(root: Path, output: str) -> str:
    """The error in a failed process's output: our innermost file and line, and the error's sentence."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # Reflex adds the page's name below the error.
    said = _SENTENCE.findall(output) or lines
    ours = [
        frame
        for frame in _FRAME.finditer(output)
        if (path := Path(frame["path"])).is_relative_to(root) and ".venv" not in path.relative_to(root).parts
    ]
    sentence = said[-1] if said else "it ended without a word"
    if not ours:
        return sentence
    return f"{Path(ours[-1]['path']).relative_to(root)}, line {ours[-1]['line']}: {sentence}"


def _is_one_of(path: str, patterns: Iterable[str]) -> bool:
    # A star of fnmatch reaches into folders, so it needs no `**/` for them.
    return any(fnmatch(path, pattern.replace("**/", "")) for pattern in patterns)
