"""Nobody edits one of two twins alone."""

import pytest

from tests.twins import ROOT, TWINS, twin_of


@pytest.mark.parametrize(("source", "twin"), TWINS.items(), ids=TWINS.values())
def test_a_synchronous_twin_is_the_asynchronous_one_without_waiting(source: str, twin: str) -> None:
    assert (ROOT / twin).read_text() == twin_of((ROOT / source).read_text())


def test_what_the_twin_of_a_coroutine_is() -> None:
    source = (
        "from backend.telemetry.asking_async import AsyncAsker\n\n\n"
        "async def ask(asker: AsyncAsker) -> int:\n"
        "    async for each in asker:\n"
        "        return await anext(each)\n"
    )

    assert twin_of(source) == (
        "from backend.telemetry.asking import Asker\n\n\n"
        "def ask(asker: Asker) -> int:\n"
        "    for each in asker:\n"
        "        return next(each)\n"
    )
