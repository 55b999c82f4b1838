"""Tools of an action: while it plans, and while it runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from threading import Event

from backend import clock
from backend.actor import Actor
from backend.audit.types import Plain
from backend.clients.kubernetes import Kubernetes
from backend.errors import Unavailable
from backend.runbooks import rules
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, StepTraces, Words
from runbooks.log_writer import LogWriter
from runbooks.patience import patiently


class RunCancelled(Exception):
    """The run is being cancelled: the step stops, mends what it must, and lets this pass."""


class RunLate(Exception):
    """The run's time is over: the step stops, mends what it must, and lets this pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """Tools of a plan and of a list of choices. Nothing here changes anything."""

    actor: Actor
    now: datetime
    connect: Callable[[], Kubernetes]
    run: RunbookRun | None = None

    @property
    def kubernetes(self) -> Kubernetes:
        """The client of this process. Raises Refused where Kubernetes is not configured."""
        return self.connect()


@dataclass(slots=True, kw_only=True)
class Running:
    """Tools of a step. Its memory is stored, so no secret belongs there."""

    run: RunbookRun
    actor: Actor
    connect: Callable[[], Kubernetes]
    writer: LogWriter
    until: float
    cancelled: Event = field(default_factory=Event)
    memory: dict[str, Plain] = field(default_factory=dict)
    result: list[Words] = field(default_factory=list)
    undone: RunbookRun | None = None
    may_be_cancelled: bool = True
    mends_until: float = 0.0

    @property
    def kubernetes(self) -> Kubernetes:
        """The client with the runner's account. Raises Refused where Kubernetes is not configured."""
        return self.connect()

    def now(self) -> datetime:
        """The present instant."""
        return clock.utc_now()

    def log(self, key: str, **values: str | int | date) -> None:
        """A line in words: a key of the catalogue and what fills its places."""
        self.writer.words(Words(key=key, values=values))

    def output(self, text: str) -> None:
        """Lines of a program, without the secrets in them."""
        self.writer.output(text)

    def secret(self, value: str) -> str:
        """Register a secret before it is used: no line of the log will show it. Returns it."""
        self.writer.hide(value)
        return value

    def remember(self, **values: Plain) -> None:
        """Store what later steps, a continued run and the undo must know. Never a secret."""
        self.memory.update(values)
        patiently(lambda: runs.remember(self.actor, self.run, self.traces()))

    @contextmanager
    def mending(self, *, goes_on: bool = False, goes_on_after: bool = False) -> Iterator[None]:
        """Put back what the run changed, or take away what it made: nothing cancels that, nor ends it for its time.

        Whoever mends says it here, so that a run whose process dies meanwhile has an end that is true. ``goes_on``: a
        run that goes on takes the block up again. ``goes_on_after``: after the block, not within it, all is as it was
        before the step, so that it may be taken again.

        Raises:
            Superseded: the run has another process by now, whose work this would undo.
        """
        before = self.may_be_cancelled, self.until, self.mends_until
        mends_until = time.monotonic() + rules.MENDING_HOLDS.total_seconds()
        if self.may_be_cancelled:  # a step past the point of no return is not ended for what it mends, either
            self.mends_until = mends_until
        # Who is late has something to put back all the same.
        self.may_be_cancelled, self.until = False, max(self.until, mends_until)
        try:
            self._note(rules.mending(self.run.launch, self.now(), goes_on=goes_on))
            yield
            if goes_on_after:
                self._note(rules.mended(self.run.launch, self.now()))
        finally:
            self.may_be_cancelled, self.until, self.mends_until = before

    @property
    def is_to_end(self) -> bool:
        """Whether it was told to end, or its time is over, and nothing is left that it must do before."""
        now = time.monotonic()
        if self.mends_until:
            return now > self.mends_until
        return self.may_be_cancelled and (self.cancelled.is_set() or now > self.until)

    def check_and_tidy(self) -> None:
        """As ``check``, for work that takes away what is half done when this raises: it is given the time for that."""
        try:
            self.check()
        except (RunCancelled, RunLate):
            self.mends_until = time.monotonic() + rules.MENDING_HOLDS.total_seconds()
            self._note(rules.mending(self.run.launch, self.now(), goes_on=True))
            raise

    def _note(self, mending: dict[str, Plain]) -> None:
        # Where PostgreSQL is away for long, what was made is taken away all the same.
        with suppress(Unavailable):
            self.remember(**{rules.MENDING: mending})

    def traces(self) -> StepTraces:
        """Everything that is stored of the steps so far; no secret is in it."""
        return StepTraces(memory=self.memory, result=self.clean_result())

    def clean_result(self) -> list[Words]:
        """The lines of the result without the secrets in them."""
        return list(map(self.writer.clean_words, self.result))

    def changed(self, key: str, **values: str | int | date) -> None:
        """A line of the result: something that is different now. A step that is taken again says it once.

        Stored at once: who dies after a change may find it made, and would not say it again.
        """
        words = Words(key=key, values=values)
        if words not in self.result:
            self.result.append(words)
        self.log(key, **values)
        self.remember()

    def check(self) -> None:
        """Let pass while the run may go on.

        Raises:
            RunCancelled: somebody cancels it, and this step can be cancelled.
            RunLate: its deadline is over, and this step can be cancelled.
        """
        if self.may_be_cancelled:
            self.check_between()

    def check_between(self) -> None:
        """As ``check``, between two steps: here every run can be cancelled."""
        if self.cancelled.is_set():
            raise RunCancelled
        if time.monotonic() > self.until:
            raise RunLate

    def wait(self, seconds: float) -> None:
        """Wait, and check; a cancellation ends the wait at once."""
        self.check()
        if self.may_be_cancelled:
            self.cancelled.wait(max(0.0, min(seconds, self.until - time.monotonic())))
        else:
            time.sleep(seconds)
        self.check()
