"""Every action is whole: pages, words, a plan, a deadline, tests, no shell. Every alert says which actions help."""

import ast
from collections.abc import Iterator
from functools import cache
from string import Formatter

import pytest

from backend.i18n.catalog import LANGUAGES, Lang, sentences
from backend.runbooks.types import Risk
from runbooks import form_rules, registry
from runbooks.action import Action, ActionParameters
from runbooks.offers import ENTRIES, Help, NoHelp
from runbooks.service import PAGES
from tests.alert_files import alerts
from tests.guards.rules import ROOT, Source, parsed, sources

SUFFIX: dict[Lang, str] = {"en": ".md", "fa": ".fa.md"}
LONGEST_S = 24 * 3600
# Each takes a command as one text, and gives it to a shell.
SHELLS = {"system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell"}
STARTERS = {"run", "Popen", "call", "check_call", "check_output", "create_subprocess_exec", "execv", "execvp"}
STARTERS_OF = {"subprocess", "os", "asyncio", "psutil"}


@cache
def text_of_tests() -> str:
    """Every test but this guard."""
    paths = [
        path for kind in ("integration", "unit", "e2e") for path in (ROOT / "tests" / kind).rglob("*.py")
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def lacks(action: Action[ActionParameters]) -> list[str]:
    """What an action lacks to be one that can be trusted."""
    steps = [step.name for step in (*action.steps, *(action.undo.steps if action.undo else ()))]
    keys = [
        *(f"runbooks.action.{action.name}.{part}" for part in ("name", "what")),
        *(f"runbooks.field.{action.name}.{name}" for name in action.parameters.model_fields),
        *(f"runbooks.step.{action.name}.{name}" for name in steps),
    ]
    checks = {
        "a plan": callable(action.plan),
        "a step": bool(action.steps),
        "a deadline": 0 < action.deadline_s <= LONGEST_S,
        "a test": f'"{action.name}"' in text_of_tests(),
        **{f"the page {lang}": (PAGES / f"{action.name}{SUFFIX[lang]}").is_file() for lang in LANGUAGES},
        **{f"{key} in {lang}": bool(sentences(lang).get(key)) for key in keys for lang in LANGUAGES},
    }
    return [what for what, is_there in checks.items() if not is_there]


def shell_strings(source: Source) -> list[int]:
    """The lines that give a command to a shell, or as one text."""
    calls = (node for node in ast.walk(parsed(source.text)) if isinstance(node, ast.Call))
    return [call.lineno for call in calls if _is_shell(call)]


def _is_shell(call: ast.Call) -> bool:
    name, of = "", ""
    match call.func:
        case ast.Attribute(value=ast.Name(id=of), attr=name):
            pass
        case ast.Name(id=name):
            pass
    if any(each.arg == "shell" and ast.unparse(each.value) != "False" for each in call.keywords):
        return True
    if name in SHELLS and of in {"", *STARTERS_OF}:
        return True
    first = call.args[0] if call.args else None
    is_text = isinstance(first, ast.JoinedStr) or (
        isinstance(first, ast.Constant) and isinstance(first.value, str)
    )
    return name in STARTERS and of in STARTERS_OF and is_text and len(call.args) == 1


@pytest.mark.parametrize("name", registry.actions())
def test_an_action_is_whole(name: str) -> None:
    assert lacks(registry.actions()[name]) == []


def test_what_an_action_lacks_is_seen() -> None:
    bare: Action[ActionParameters] = Action(
        name="do_nothing",
        risk=Risk.SAFE,
        parameters=ActionParameters,
        plan=None,  # type: ignore[arg-type] - what the guard is for
        steps=(),
        targets=lambda _given: (),
        deadline_s=0,
    )

    assert lacks(bare) == [
        *("a plan", "a step", "a deadline", "a test", "the page fa", "the page en"),
        *(f"runbooks.action.do_nothing.{part} in {lang}" for part in ("name", "what") for lang in LANGUAGES),
    ]


def test_no_command_is_given_to_a_shell() -> None:
    found = {
        each.path: lines for each in sources("runbooks", "backend", "jobs") if (lines := shell_strings(each))
    }

    assert found == {}


@pytest.mark.parametrize(
    "code",
    [
        'subprocess.run(["ls"], shell=True)',
        "subprocess.Popen(argv, shell=wanted)",
        'os.system("ls")',
        "os.popen(command)",
        "subprocess.getoutput(command)",
        "asyncio.create_subprocess_shell(command)",
        'subprocess.run("ls -l")',
        'subprocess.check_output(f"ls {folder}")',
        'psutil.Popen("ls")',
    ],
)
def test_a_shell_is_seen(code: str) -> None:
    assert shell_strings(Source("backend/x.py", code)) == [1]


def test_a_list_of_arguments_is_no_shell() -> None:
    assert (
        shell_strings(Source("backend/x.py", 'subprocess.run(["ls", "-l"], shell=False)\nplatform.system()'))
        == []
    )


def helps() -> Iterator[tuple[str, Help]]:
    for alert, entry in ENTRIES.items():
        if not isinstance(entry, NoHelp):
            yield from ((alert, each) for each in entry)


def faults(known: Help) -> list[str]:
    """The fields of an entry that its action does not have or could not take."""
    action = registry.actions().get(known.action)
    if action is None:
        return [known.action]
    fixed = {
        name: value
        for name, value in known.fields.items()
        if not any(n for _, n, _, _ in Formatter().parse(value))
    }
    wrong = form_rules.problems_of(action.parameters, fixed)
    return [
        name
        for name in known.fields
        if name not in action.parameters.model_fields or name in wrong.keys() & fixed
    ]


def test_every_alert_has_an_entry_and_nothing_else_has() -> None:
    assert ENTRIES.keys() == alerts().keys()


@pytest.mark.parametrize(("alert", "known"), list(helps()))
def test_an_entry_names_an_action_and_its_fields(alert: str, known: Help) -> None:
    assert faults(known) == [], alert


@pytest.mark.parametrize(("alert", "known"), list(helps()))
def test_the_page_of_an_alert_leads_to_the_actions_that_help(alert: str, known: Help) -> None:
    pages = [(PAGES / f"{alert}{end}").read_text(encoding="utf-8") for end in SUFFIX.values()]

    assert all(f"](/runbooks/{known.action})" in page for page in pages)


def test_an_alert_that_no_action_helps_says_why() -> None:
    assert [
        alert for alert, entry in ENTRIES.items() if isinstance(entry, NoHelp) and len(entry.why) < 20
    ] == []


def test_an_entry_of_nothing_is_seen() -> None:
    assert faults(Help(action="pause_the_world")) == ["pause_the_world"]
    assert faults(Help(action="pause_job", fields={"jobs": "x"})) == ["jobs"]
    assert faults(Help(action="silence_alert", fields={"length": "forever"})) == ["length"]
