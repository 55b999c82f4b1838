import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from threading import Event, get_ident

import pytest

from backend.threads import LoopThread, side_by_side

WAIT_S = 10


def test_the_work_is_done_while_the_block_runs_in_a_thread_of_its_own() -> None:
    begun, go_on = Event(), Event()

    def work(number: int, *, more: int) -> tuple[int, int]:
        begun.set()
        assert go_on.wait(WAIT_S)
        return number + more, get_ident()

    with side_by_side(work, 1, more=2) as answer:
        assert begun.wait(WAIT_S)
        go_on.set()

        total, thread = answer()

    assert total == 3
    assert thread != get_ident()


def test_the_work_sees_the_context_of_the_block() -> None:
    name: ContextVar[str] = ContextVar("name")
    name.set("nightly_billing")

    with side_by_side(name.get) as answer:
        assert answer() == "nightly_billing"


def test_a_block_ends_no_sooner_than_the_work_also_when_it_fails() -> None:
    begun, done = Event(), []

    def work() -> None:
        assert begun.wait(WAIT_S)
        done.append(True)

    with pytest.raises(ZeroDivisionError), side_by_side(work):  # noqa: PT012 - both stand in the block
        begun.set()
        raise ZeroDivisionError

    assert done == [True]


def test_who_asks_for_the_answer_gets_the_error() -> None:
    def work() -> None:
        raise LookupError

    with side_by_side(work) as answer, pytest.raises(LookupError):
        answer()


def test_a_loop_in_a_thread_of_its_own_answers_and_ends_what_still_runs() -> None:
    thread, ended = LoopThread("test"), []

    async def wait_for_ever() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    async def answer() -> int:
        return 7

    thread.submit(wait_for_ever())
    assert thread.run(answer()) == 7
    thread.close()
    thread.close()

    assert ended == [True]
    assert thread.is_closed


def test_work_that_has_just_been_created_begins_before_it_is_cancelled() -> None:
    """Else a client's connection, whose task only wraps the real work, would leave that work without an end."""
    ran, ended = [], []
    thread = LoopThread("test")

    async def inner() -> None:
        ran.append("inner")
        try:
            await asyncio.sleep(WAIT_S)
        finally:
            ended.append("inner")

    async def wrapped(work: Coroutine[None, None, None]) -> None:
        await work

    async def cancel_in_time() -> bool:
        connecting = asyncio.create_task(wrapped(inner()))
        await thread._cancel_all(())
        return connecting.cancelled() and ran == ended == ["inner"]

    assert thread.run(cancel_in_time())
    thread.close()
