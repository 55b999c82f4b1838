"""The house's rules as functions of source text, so that each can be shown to fail when it is broken."""

import ast
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PRODUCTION = ("backend", "portal", "jobs", "runbooks")

EDGES = (
    "portal/bridge.py",
    "portal/portal.py",
    "portal/socket_filter.py",
    "portal/rate_keys.py",
    "portal/guard.py",
    "portal/http/",
    "jobs/",
    "backend/sandbox/",
    # Whatever ends a run must end in a state and a sentence.
    "runbooks/engine.py",
    "runbooks/launching.py",
    "runbooks/log_writer.py",
    # A proxy's page makes the SDK raise a plain AttributeError, and whatever fails here has a substitute.
    "backend/clients/openai_wording.py",
)
# Functions of services that refuse nobody, each with its reason.
RECORDERS = {"audit.record", "audit.record_all", "writing_service.record", "writing_service.record_all"}
OPEN_TO_EVERYBODY = {
    "accounts.sign_in": "nobody is signed in yet; the password is the proof, and attempts are limited",
    "accounts.session_of": "the token is the proof",
    "accounts.sign_out": "the token is the proof",
    "audit.record": "whatever an actor was allowed to do is written down",
    "audit.record_all": "as before",
    "notifications.enqueue": "a mail is part of what causes it, and that was allowed before",
    "payments.callback": "whoever comes back from the bank may have no session; the gateway alone is believed",
    "payments.is_sandbox_gateway": "every page says whether payments are real",
}

Functions = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """One Python file: its path below the root, and its text."""

    path: str
    text: str


@cache
def parsed(text: str) -> ast.Module:
    """The tree of a file. Every rule asks for it, so it is made once; nobody changes it."""
    return ast.parse(text)


def sources(*folders: str) -> Iterator[Source]:
    """Every Python file below some folders of the root."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield Source(str(path.relative_to(ROOT)), path.read_text())


def imported(source: Source) -> Iterator[str]:
    """The dotted names of all modules and names that a file imports, wherever in it the import stands."""
    for node in ast.walk(parsed(source.text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(source: Source) -> Iterator[ast.Call]:
    """Every call in a file."""
    return (node for node in ast.walk(parsed(source.text)) if isinstance(node, ast.Call))


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
            if not re.fullmatch(r"service|\w*types|\w*rules", parts[2]):
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


def given_connections(source: Source) -> list[str]:
    """Connections that pass from hand to hand: public functions of a repository open or join a block themselves."""
    tree = parsed(source.text)
    if re.search(r"/(\w+_)?repository\.py$", source.path):
        return [
            f"{function.name} at line {function.lineno}"
            for function in tree.body
            if isinstance(function, Functions) and not function.name.startswith("_")
            for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
            if argument.annotation and "Connection" in ast.unparse(argument.annotation)
        ]
    if source.path.startswith(("backend/db/", "backend/sandbox/")):
        return []
    return [
        f"{ast.unparse(item)} at line {item.context_expr.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        for item in node.items
        if item.optional_vars and re.search(r"\b(transaction|read)\(\)", ast.unparse(item.context_expr))
    ]


def threads_of_one(source: Source) -> list[str]:
    """Threads beside the present one that ``backend.threads`` did not start: they forget the context or the waiting."""
    if source.path == "backend/threads.py" or source.path.startswith("backend/sandbox/"):
        return []
    return [
        f"line {call.lineno}"
        for call in calls(source)
        if re.match(r"ThreadPoolExecutor\((max_workers=)?1\b", ast.unparse(call))
    ]


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


def days_read_as_gregorian(source: Source) -> list[str]:
    """Days of a person that are read without asking which calendar they belong to: ``read_day`` does."""
    if not re.search(r"(^portal/|/__main__\.py$|command_line\.py$)", source.path):
        return []
    return [
        f"line {node.lineno}"
        for node in ast.walk(parsed(source.text))
        if isinstance(node, ast.Attribute)
        and node.attr in {"fromisoformat", "strptime"}
        and getattr(node.value, "id", "") == "date"
    ]


def broad_excepts(source: Source) -> list[str]:
    """``except Exception`` that swallows, anywhere but at a process's edge."""
    if source.path.startswith(EDGES):
        return []
    return [
        f"line {node.lineno}"
        for node in ast.walk(parsed(source.text))
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


def open_doors(source: Source) -> list[str]:
    """Public functions of a service that do not take the actor first, or take it and never ask what it may do."""
    return [
        f"{feature_of(source)}.{name}"
        for name, function, beside in doors(source)
        if not (_takes_actor_first(function) and _asks(function, beside))
    ]


def doors(source: Source) -> list[tuple[str, Functions, dict[str, Functions]]]:
    """Public functions of a feature's service by name, each with all functions of the module that it stands in."""
    if not re.fullmatch(r"backend/\w+/service\.py", source.path):
        return []
    own = _functions(source.text)
    found = [(name, function, own) for name, function in own.items() if not name.startswith("_")]
    for alias, module, name in _aliases(source.text):
        path = (ROOT / source.path).with_name(f"{module}.py")
        beside = _functions(path.read_text()) if path.exists() else {}
        found += [(alias, beside[name], beside)] if name in beside else []
    return found


def feature_of(source: Source) -> str:
    """The feature that a file of the backend belongs to."""
    return source.path.split("/")[1]


def unasked_actors(source: Source) -> list[str]:
    """Open doors of a service that are none of the known ones."""
    return [name for name in open_doors(source) if name not in OPEN_TO_EVERYBODY]


def _functions(text: str) -> dict[str, Functions]:
    return {node.name: node for node in parsed(text).body if isinstance(node, Functions)}


def _aliases(text: str) -> Iterator[tuple[str, str, str]]:
    """What a service hands out of a module beside it: ``dues = payment_service.dues``."""
    for node in parsed(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
            module, _, name = ast.unparse(node.value).rpartition(".")
            yield from ((each.id, module, name) for each in node.targets if isinstance(each, ast.Name))


def _takes_actor_first(function: Functions) -> bool:
    return [each.arg for each in (*function.args.posonlyargs, *function.args.args)][:1] == ["actor"]


def _asks(function: Functions, beside: Mapping[str, Functions]) -> bool:
    """Whether a function refuses some actors itself, or hands the actor to a check or to a function that asks.

    What a trail, a log or a repository is told about the actor is no question.
    """
    for node in ast.walk(function):
        if isinstance(node, ast.If) and _names_actor(node.test) and isinstance(node.body[0], ast.Raise):
            return True
        if isinstance(node, ast.Call) and any(
            _is_actor(each) for each in (*node.args, *(word.value for word in node.keywords))
        ):
            module, _, name = ast.unparse(node.func).rpartition(".")
            if name.startswith("require_") or name == "own_tenant" or module.endswith("_service"):
                return True
            if not module and name in beside and name != function.name and _asks(beside[name], beside):
                return True
    return False


def _is_actor(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "actor"


def _names_actor(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "actor" for node in ast.walk(test))


def told_to_everybody(source: Source) -> list[str]:
    """Computed vars of the portal without a leading underscore: loading a page sends each to whoever asks."""
    if not source.path.startswith("portal/"):
        return []
    tree = parsed(source.text)
    private = {
        inner
        for function in ast.walk(tree)
        if isinstance(function, Functions) and function.name.startswith("_")
        for decorator in function.decorator_list
        for inner in ast.walk(decorator)
    }
    return [
        f"line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.alias) and node not in private and _makes_computed_vars(node)
    ]


def _makes_computed_vars(node: ast.Attribute | ast.alias) -> bool:
    names = {"var", "computed_var", "cached_var"}
    if isinstance(node, ast.alias):
        return node.name in names
    return node.attr in names and ast.unparse(node.value) in {"rx", "reflex"}


def constants_told_to_browsers(source: Source) -> list[str]:
    """Constants of a state that Reflex takes for vars, and sends, because they are not marked as ``ClassVar``."""
    if not source.path.startswith("portal/") or not source.path.endswith("state.py"):
        return []
    return [
        f"{target.id} at line {statement.lineno}"
        for found in ast.walk(parsed(source.text))
        if isinstance(found, ast.ClassDef)
        for statement in found.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    ]


def features_named_outside(source: Source) -> list[str]:
    """Features that the rest of the portal names: it finds them, so that a new one needs no line elsewhere."""
    if not source.path.startswith("portal/") or source.path.startswith("portal/features/"):
        return []
    return [name for name in imported(source) if name.startswith("portal.features.")]


def unkept_processes(source: Source) -> list[str]:
    """Processes that run on when their starter is killed, because no keeper is told of them."""
    # A dump whose starter was killed ends by itself, and what it wrote is a draft that nobody takes for a backup. A run
    # is to outlive the scheduler that starts it.
    known = {
        "backend/sandbox/processes.py",
        "backend/clients/postgres_tools.py",
        "runbooks/local_processes.py",
    }
    if "Popen" not in source.text or source.path in known:
        return []
    asked = list(calls(source))
    kept = {id(argument) for call in asked if ast.unparse(call.func) == "keep" for argument in call.args}
    return [
        ast.unparse(call)
        for call in asked
        if ast.unparse(call.func).endswith("Popen") and id(call) not in kept
    ]


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
    alphabet = re.compile(r"[\u0600-\u06ff]")
    bare = {key: re.sub(r"\{\w+\}", "", sentence) for key, sentence in persian.items()}
    return [
        key for key, rest in bare.items() if re.search(r"[A-Za-z]{2,}", rest) and not alphabet.search(rest)
    ]


def used_keys(files: Iterable[Source], prefixes: Iterable[str]) -> set[str]:
    """Catalogue keys of known sections that ``t``, ``text``, ``has`` or ``page`` ask for, or a thing called ``key``."""
    pattern = re.compile(rf"({'|'.join(map(re.escape, prefixes))})(\.[a-z0-9_]+)+")
    asked = (part for source in files for node in ast.walk(parsed(source.text)) for part in _asked(node))
    return {
        inner.value
        for part in asked
        for inner in ast.walk(part)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and pattern.fullmatch(inner.value)
    }


def refusal_keys(files: Iterable[Source], codes: Mapping[str, str]) -> set[str]:
    """Catalogue keys of the expected errors that are made with a reason; ``codes`` has each error's by its name."""
    made = (
        (codes.get(getattr(node.func, "id", getattr(node.func, "attr", ""))), part)
        for source in files
        for node in ast.walk(parsed(source.text))
        if isinstance(node, ast.Call)
        for each in node.keywords
        if each.arg == "reason"
        for part in (
            [each.value.body, each.value.orelse] if isinstance(each.value, ast.IfExp) else [each.value]
        )
    )
    return {
        f"error.{code}.{part.value}"
        for code, part in made
        if code and isinstance(part, ast.Constant) and part.value
    }


# What an expected error is told for the code that catches it, not for its reader.
_NOT_SHOWN = {"reason", "field", "service", "cause"}
_TELLS = {"Words", "Refused", "Conflict", "Unavailable", "NotFound", "Invalid", "Forbidden"}


def is_one_clause(sentence: str) -> bool:
    """Whether a sentence says one thing only: what happened, and not what to do."""
    return len(re.findall(r"[.!?;؛](?=\s|$)", sentence)) < 2


def words_of_code(source: Source) -> list[str]:
    """Places of a run's sentences that are filled with a word of the code: its reader would see it as it stands."""
    found = []
    for call in calls(source):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        places = {each.arg: each.value for each in call.keywords if each.arg not in _NOT_SHOWN}
        if name == "Words":
            values = places.get("values")
            places = {}
            if isinstance(values, ast.Dict):
                pairs = zip(values.keys, values.values, strict=True)
                places = {ast.unparse(key): value for key, value in pairs if key}
        elif name not in _TELLS and ast.unparse(call.func) not in {"running.log", "running.changed"}:
            continue
        found += [f"line {call.lineno}: {place}" for place, value in places.items() if any(_letters(value))]
    return found


def _letters(value: ast.expr) -> Iterator[str]:
    """The texts with letters that an expression may be, besides what it asks others for."""
    match value:
        case ast.Constant(value=str(text)):
            yield from re.findall("[A-Za-z]+", text)
        case ast.IfExp():
            yield from _letters(value.body)
            yield from _letters(value.orelse)
        case ast.BoolOp(values=parts) | ast.JoinedStr(values=parts):
            for part in parts:
                yield from _letters(part)


def _asked(node: ast.AST) -> list[ast.expr]:
    """The parts of a call or an assignment that name a sentence."""
    if isinstance(node, ast.Assign):
        return [node.value] if any(getattr(each, "id", "") == "key" for each in node.targets) else []
    if not isinstance(node, ast.Call):
        return []
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name == "page":
        return [*node.args[1:2], *(each.value for each in node.keywords if each.arg in {"title", "nav"})]
    return node.args[:1] if name in {"t", "text", "has"} else []


def key_families(files: Iterable[Source], prefixes: Iterable[str]) -> set[str]:
    """Catalogue keys that are put together while running, with ``{}`` where something is filled in."""
    pattern = re.compile(rf"({'|'.join(map(re.escape, prefixes))})\.[a-z0-9_.{{}}]+")
    texts = {
        "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        for source in files
        for node in ast.walk(parsed(source.text))
        if isinstance(node, ast.JoinedStr)
    }
    return {text for text in texts if pattern.fullmatch(text)}


def words_of(files: Iterable[Source], templates: Iterable[str]) -> set[str]:
    """Every string in the code, and every quoted word of the templates."""
    code = {
        node.value
        for source in files
        for node in ast.walk(parsed(source.text))
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


def audited_actions() -> set[str]:
    """Every action that the code records in the audit trail, as the catalogue names it."""
    return {
        call.args[1].value.replace(".", "_")
        for source in sources("backend")
        for call in ast.walk(parsed(source.text))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) in RECORDERS
        and isinstance(call.args[1], ast.Constant)
    }


def audited_targets() -> set[str]:
    """Every kind of target that the code records in the audit trail: ``job`` of ``job:nightly_billing``."""
    return {
        kind
        for source in sources("backend")
        for call in ast.walk(parsed(source.text))
        if isinstance(call, ast.Call) and ast.unparse(call.func) in RECORDERS
        for kind in _target_kinds(call.args[2], parsed(source.text))
    }


def _target_kinds(target: ast.expr, module: ast.Module) -> set[str]:
    """Kinds that a target may have: of a text in place, else of every value of its name, else of what returns it."""
    match target:
        case ast.Constant(value=str(written)) | ast.JoinedStr(values=[ast.Constant(value=str(written)), *_]):
            return {written.partition(":")[0]}
        case ast.ListComp(elt=ast.Tuple(elts=[first, *_])):  # many at once, each with its detail
            return _target_kinds(first, module)
        case ast.IfExp():
            return _target_kinds(target.body, module) | _target_kinds(target.orelse, module)
        case ast.Name():
            values = [
                node.value
                for node in ast.walk(module)
                if isinstance(node, ast.Assign) and target.id in map(ast.unparse, node.targets)
            ]
        case ast.Call(func=ast.Name()):
            values = [
                node.value
                for function in ast.walk(module)
                if isinstance(function, ast.FunctionDef) and function.name == target.func.id
                for node in ast.walk(function)
                if isinstance(node, ast.Return) and node.value
            ]
        case _:
            values = []
    assert values, f"a target whose kind cannot be read: {ast.unparse(target)}"
    return {kind for value in values for kind in _target_kinds(value, module)}


def processes() -> set[str]:
    """Every process that acts under a name that is written where it acts."""
    return {
        found.value
        for source in sources(*PRODUCTION)
        for call in ast.walk(parsed(source.text))
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("Actor.process_named")
        for found in call.args
        if isinstance(found, ast.Constant)
    }


def _is_code(word: str) -> bool:
    """Whether a word is a number of somebody else's, or that there is none."""
    return word.removeprefix("-").isdecimal() or word == str(None)


def addresses(text: str) -> list[str]:
    """Web addresses in a lock file."""
    return re.findall(r"(?:https?|git\+\w+)://[^\s\"']+", text)
