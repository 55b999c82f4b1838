"""The log of a run: numbered, without secrets, stored ten times a second by a thread of its own."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from threading import Condition, Thread

from backend import clock
from backend.actor import Actor
from backend.errors import Unavailable
from backend.log import get_logger
from backend.redaction import Redactor, lines_of, own_secrets
from backend.runbooks import service as runs
from backend.runbooks.types import LineKind, Plan, PlannedChange, RunbookRun, RunLine, Superseded, Words
from backend.runbooks.words_rules import line_of

log = get_logger(__name__)

STORE_EVERY_S = 0.1
AT_ONCE = 2_000
# More would be a program gone wild; it waits until they are stored.
MOST_WAITING = 50_000
LONGEST_LINE = 8_000
PATIENCE_S = 180.0


class LogWriter:
    """Takes lines from any thread. A line is redacted before it waits, and keeps its number when storing fails."""

    def __init__(self, actor: Actor, run: RunbookRun) -> None:
        """Go on after the last stored line."""
        self.step = ""
        self._actor, self._run = actor, run
        self._number = runs.last_line(actor, run.id)
        self._secrets = own_secrets()
        self._redactor = Redactor(self._secrets)
        self._waiting: list[RunLine] = []
        self._changed = Condition()
        self._is_ended, self._until = False, math.inf
        self._broken: Exception | None = None
        self._thread = Thread(target=self._store_all, name="run-log", daemon=True)
        self._thread.start()

    def words(self, words: Words) -> None:
        """A sentence of ours. What fills its places may be outside text, so it is redacted, too."""
        with self._changed:
            self._add(LineKind.WORDS, line_of(self.clean_words(words)))

    def output(self, text: str) -> None:
        """Lines of a program."""
        with self._changed:
            for line in self._redactor.lines(lines_of(_storable(text))):
                self._add(LineKind.OUTPUT, line[:LONGEST_LINE])

    def clean_words(self, words: Words) -> Words:
        """Words without the secrets in what fills their places."""
        values = {
            name: self.clean(value) if isinstance(value, str) else value
            for name, value in words.values.items()
        }
        return Words(key=words.key, values=values)

    def clean_plan(self, plan: Plan) -> Plan:
        """A plan without the secrets in it."""
        changes = tuple(
            PlannedChange(
                what=self.clean_words(each.what),
                before=self._clean_side(each.before),
                after=self._clean_side(each.after),
            )
            for each in plan.changes
        )
        return replace(
            plan,
            changes=changes,
            notes=tuple(map(self.clean_words, plan.notes)),
            commands=tuple(map(self.clean, plan.commands)),
        )

    def _clean_side(self, side: str | Words) -> str | Words:
        return self.clean_words(side) if isinstance(side, Words) else self.clean(side)

    def clean(self, value: str) -> str:
        """Text without the secrets in it, cut where it is long."""
        return self._redactor.text(_storable(value))[:LONGEST_LINE]

    def hide(self, value: str) -> None:
        """Let a value appear in no later line."""
        with self._changed:
            self._secrets = [*self._secrets, value]
            self._redactor.register(self._secrets)

    def flush(self) -> None:
        """Wait until all lines so far are stored, however long PostgreSQL is away.

        Raises:
            Superseded: the run has another process by now, or is in no database any more; nothing is stored for us.
        """
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting)
            if self._broken:
                raise self._broken

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Store what waits, and end the thread. PostgreSQL is waited for that long; then the lines are lost."""
        with self._changed:
            self._is_ended, self._until = True, time.monotonic() + patience_s
            self._changed.notify_all()
        self._thread.join()

    def _add(self, kind: LineKind, text: str) -> None:
        self._changed.wait_for(lambda: len(self._waiting) < MOST_WAITING)
        if self._broken:
            return
        self._number += 1
        if not self._waiting:
            self._changed.notify_all()
        self._waiting.append(
            RunLine(number=self._number, at=clock.utc_now(), step=self.step, kind=kind, text=text)
        )

    def _store_all(self) -> None:
        try:
            self._store_until_end()
        except (
            Exception
        ) as wrong:  # the edge of the thread: whoever writes next is told, and nobody waits for ever
            if not isinstance(wrong, Superseded):
                log.exception("run.log_broken", caught=wrong, run=self._run.id)
            with self._changed:
                self._broken = wrong
                self._waiting.clear()
                self._changed.notify_all()

    def _store_until_end(self) -> None:
        while batch := self._next():
            if self._store(batch):
                with self._changed:
                    del self._waiting[: len(batch)]
                    self._changed.notify_all()
            elif time.monotonic() > self._until:
                log.error("run.log_lost", run=self._run.id, lines=len(self._waiting))
                return

    def _next(self) -> list[RunLine]:
        """The lines to store next, a moment after the first of them came; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_ended)
            if not self._is_ended and len(self._waiting) < AT_ONCE:
                self._changed.wait(STORE_EVERY_S)
            return self._waiting[:AT_ONCE]

    def _store(self, batch: Sequence[RunLine]) -> bool:
        try:
            runs.append_log(self._actor, self._run, batch)
        except Unavailable as lost:
            log.warning("run.log_waits", run=self._run.id, lines=len(batch), cause=str(lost))
            time.sleep(1.0)
            return False
        return True


def _storable(text: str) -> str:
    """The text without what PostgreSQL cannot keep, made before secrets are sought: one may hold such a sign."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
