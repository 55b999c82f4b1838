"""A thread beside the present one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def side_by_side(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Iterator[Callable[[], T]]:
    """Do work in another thread while the block runs, in a copy of its context; yields what waits for the answer.

    The block ends no sooner than the work. What the work raises, only the one who asks for its answer gets.
    """
    with ThreadPoolExecutor(1) as thread:
        context = copy_context()
        yield thread.submit(lambda: context.run(work, *args, **kwargs)).result
