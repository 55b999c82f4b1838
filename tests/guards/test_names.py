"""A name means one thing, and a docstring promises; each rule is seen to fail when it is broken."""

import pytest

from tests.guards import names
from tests.guards.rules import PRODUCTION, Source, sources

# A docstring that was written in a hurry may ask for a while; a second reading makes it promise.
MOST_ASKING = 0


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(Source("backend/x.py", "class Verdict: ..."), id="a class"),
        pytest.param(Source("backend/x.py", "def judge(): ..."), id="a function"),
        pytest.param(Source("backend/x.py", "async def _judge(): ..."), id="a private one"),
        pytest.param(Source("backend/x.py", "def f(turn): ..."), id="an argument"),
        pytest.param(Source("backend/x.py", "lane = 1"), id="a variable"),
        pytest.param(Source("backend/x.py", "class A:\n    turn: int"), id="a field"),
        pytest.param(Source("backend/x.py", "self.has_left = 1"), id="an attribute"),
        pytest.param(Source("backend/x.py", "from asyncio import Queue as Lane"), id="an alias"),
        pytest.param(Source("portal/gate.py", ""), id="a module"),
        pytest.param(Source("portal/features/billing/reading.py", ""), id="the portal's queries"),
    ],
)
def test_a_retired_name_is_seen(broken: Source) -> None:
    assert names.retired_names(broken) != []


def test_names_of_others_and_names_that_only_contain_one_are_fine() -> None:
    used = Source(
        "backend/x.py",
        "import reflex as rx\nfrom asyncio import Event\n"
        "class UsageState(rx.State): ...\n"
        "def returned(gateway, meter_reading):\n    reading = Event()\n    return reading",
    )

    assert names.retired_names(used) == []


def test_no_name_is_retired() -> None:
    found = {source.path: wrong for source in sources(*PRODUCTION) if (wrong := names.retired_names(source))}

    assert found == {}


def test_two_types_of_one_name_are_seen() -> None:
    first = Source("backend/a/types.py", "class Answer: ...")
    second = Source("backend/b/types.py", "Answer = tuple[str, int]")

    assert names.shared_names([first, second]) == {"Answer": [first.path, second.path]}
    assert names.shared_names([first, Source("backend/b/types.py", "LIMIT = 1\ndef answer(): ...")]) == {}


def test_no_two_types_share_a_name() -> None:
    assert names.shared_names(sources(*PRODUCTION)) == {}


@pytest.mark.parametrize(
    ("text", "is_seen"),
    [
        pytest.param('"""What is kept."""', True, id="a module"),
        pytest.param('class A:\n    """One thing of many."""', True, id="a class"),
        pytest.param('def f():\n    """Who pays for an event."""', True, id="a function"),
        pytest.param('async def f():\n    """How many there are."""', True, id="an async function"),
        pytest.param(
            'def f():\n    """Rate-limit key: session, else client address."""', False, id="a promise"
        ),
        pytest.param('def f():\n    """Onefold, whatever that may be."""', False, id="a longer word"),
        pytest.param("def f(): ...", False, id="none"),
    ],
)
def test_a_docstring_that_does_not_promise_is_seen(text: str, *, is_seen: bool) -> None:
    assert bool(names.asking_docstrings(Source("backend/x.py", text))) is is_seen


def test_docstrings_promise() -> None:
    found = {
        source.path: wrong for source in sources(*PRODUCTION) if (wrong := names.asking_docstrings(source))
    }

    assert sum(map(len, found.values())) <= MOST_ASKING, found
