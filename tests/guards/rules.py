"""The house's rules as functions of source text, so that each can be shown to fail when it is broken."""

import ast
import re
import string
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PRODUCTION = ("backend", "portal", "jobs")

EDGES = (
    "portal/bridge.py",
    "portal/portal.py",
    "portal/gate.py",
    "portal/guard.py",
    "portal/http/",
    "jobs/",
    "backend/sandbox/",
)


class Source(NamedTuple):
    """One Python file: its path below the root, and its text."""

    path: str
    text: str


def sources(*folders: str) -> Iterator[Source]:
    """Every Python file below some folders of the root."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield Source(str(path.relative_to(ROOT)), path.read_text())


def imported(source: Source) -> Iterator[str]:
    """The dotted names of all modules and names that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(source: Source) -> Iterator[ast.Call]:
    """Every call in a file."""
    return (node for node in ast.walk(ast.parse(source.text)) if isinstance(node, ast.Call))


def foreign_models(source: Source) -> list[str]:
    """Imports of a feature's tables by anything but its repository and the migrations."""
    if source.path.startswith(("backend/db/migrations/", "tests/")) or re.search(
        r"/(\w+_)?repository\.py$", source.path
    ):
        return []
    return [name for name in imported(source) if re.match(r"backend\.\w+\.models\b", name)]


def foreign_repositories(source: Source) -> list[str]:
    """Imports of a feature's repository by anything but that feature's service."""
    feature = "/".join(source.path.split("/")[:2])
    found = [name for name in imported(source) if re.match(r"backend\.\w+\.(\w+_)?repository\b", name)]
    is_door = re.fullmatch(r"backend/\w+/(\w+_)?(service|repository)\.py", source.path)
    return [name for name in found if not (is_door and name.startswith(feature.replace("/", ".") + "."))]


def side_doors(source: Source) -> list[str]:
    """What portal and jobs import of a backend feature besides its service, types and rules."""
    if not source.path.startswith(("portal/", "jobs/")):
        return []
    features = {path.parent.name for path in (ROOT / "backend").glob("*/models.py")}
    found = []
    for name in imported(source):
        parts = name.split(".")
        if parts[0] == "backend" and len(parts) > 2 and parts[1] in features:  # noqa: SIM102 - two thoughts
            if not re.fullmatch(r"service|types|\w*rules", parts[2]):
                found.append(name)
    return found


def commits(source: Source) -> list[str]:
    """Calls that open or end a transaction outside ``db.engine``."""
    if source.path.startswith(("backend/db/", "backend/sandbox/")):
        return []
    names = {"commit", "rollback", "begin", "begin_nested", "sessionmaker"}
    found = []
    for call in calls(source):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name in names:
            found.append(f"{name} at line {call.lineno}")
    return found


def sql_outside_repositories(source: Source) -> list[str]:
    """Imports of SQLAlchemy or psycopg outside repositories, models and ``db``."""
    allowed = r"backend/(db/.*|sandbox/.*|\w+/((\w+_)?repository|models)\.py)"
    if re.fullmatch(allowed, source.path):
        return []
    return [name for name in imported(source) if name.split(".")[0] in {"sqlalchemy", "psycopg"}]


def clocks_in_rules(source: Source) -> list[str]:
    """Questions for the present time in a file whose "now" must be a parameter."""
    if not re.search(r"/(\w*rules|types)\.py$", source.path):
        return []
    names = {"utc_now", "now", "today", "time", "monotonic"}
    return [
        f"{name} at line {call.lineno}"
        for call in calls(source)
        if (name := getattr(call.func, "attr", getattr(call.func, "id", ""))) in names and not call.args
    ]


def broad_excepts(source: Source) -> list[str]:
    """``except Exception`` that swallows, anywhere but at a process's edge."""
    if source.path.startswith(EDGES):
        return []
    return [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(source.text))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in {"Exception", "BaseException"})
        and not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in node.body)
    ]


def naive_names(source: Source) -> list[str]:
    """Modules named after nothing."""
    return (
        [source.path]
        if re.search(r"(^|/)(utils?|helpers?|managers?|common|misc)(\.py|/)", source.path)
        else []
    )


def placeholders(sentence: str) -> set[str]:
    """The names of the places in a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def catalogue_differences(persian: dict[str, str], english: dict[str, str]) -> list[str]:
    """Keys that one language lacks, and sentences whose places differ."""
    lonely = [f"{key} stands in one language only" for key in sorted(persian.keys() ^ english.keys())]
    both = sorted(persian.keys() & english.keys())
    return lonely + [
        f"{key} has other places" for key in both if placeholders(persian[key]) != placeholders(english[key])
    ]


def untranslated(persian: dict[str, str]) -> list[str]:
    """Persian sentences without a single Persian letter, names that are the same in both languages aside."""
    letters = re.compile(r"[\u0600-\u06ff]")
    bare = {key: re.sub(r"\{\w+\}", "", sentence) for key, sentence in persian.items()}
    return [
        key for key, rest in bare.items() if re.search(r"[A-Za-z]{2,}", rest) and not letters.search(rest)
    ]


def used_keys(files: Iterable[Source], prefixes: Iterable[str]) -> set[str]:
    """Catalogue keys of known sections that ``t``, ``text`` or ``has`` ask for, a title, or a thing called ``key``."""
    pattern = re.compile(rf"({'|'.join(map(re.escape, prefixes))})(\.[a-z0-9_]+)+")
    asked = (part for source in files for node in ast.walk(ast.parse(source.text)) for part in _asked(node))
    return {
        inner.value
        for part in asked
        for inner in ast.walk(part)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and pattern.fullmatch(inner.value)
    }


def _asked(node: ast.AST) -> list[ast.expr]:
    """The parts of a call or an assignment that name a sentence."""
    if isinstance(node, ast.Assign):
        return [node.value] if any(getattr(each, "id", "") == "key" for each in node.targets) else []
    if not isinstance(node, ast.Call):
        return []
    titles = [each.value for each in node.keywords if each.arg == "title"]
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    return [*titles, *node.args[:1]] if name in {"t", "text", "has"} else titles


def key_families(files: Iterable[Source], prefixes: Iterable[str]) -> set[str]:
    """Catalogue keys that are put together while running, with ``{}`` where something is filled in."""
    pattern = re.compile(rf"({'|'.join(map(re.escape, prefixes))})\.[a-z0-9_.{{}}]+")
    texts = {
        "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        for source in files
        for node in ast.walk(ast.parse(source.text))
        if isinstance(node, ast.JoinedStr)
    }
    return {text for text in texts if pattern.fullmatch(text)}


def words_of(files: Iterable[Source], templates: Iterable[str]) -> set[str]:
    """Every string in the code, and every quoted word of the templates."""
    code = {
        node.value
        for source in files
        for node in ast.walk(ast.parse(source.text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return code.union(*(re.findall(r'"([a-z0-9_.]+)"', template) for template in templates))


def dead_keys(keys: Iterable[str], families: Iterable[str], words: set[str]) -> list[str]:
    """Keys that nothing asks for: no string of the code is one, and no family is it with words of the code."""
    shapes = [re.compile(re.escape(family).replace(r"\{\}", r"([\w-]+)")) for family in families]
    return [
        key
        for key in keys
        if key not in words
        and not any(
            all(word in words or _is_code(word) for word in found.groups())
            for shape in shapes
            if (found := shape.fullmatch(key))
        )
    ]


def _is_code(word: str) -> bool:
    """Whether a word is a number of somebody else's, or that there is none."""
    return word.removeprefix("-").isdecimal() or word == str(None)


def addresses(text: str) -> list[str]:
    """Web addresses in a lock file."""
    return re.findall(r"(?:https?|git\+\w+)://[^\s\"']+", text)
