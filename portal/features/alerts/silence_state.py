"""State of the form that silences: first what it would cover, then the silence itself."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import reflex as rx

from backend import clock
from backend.actor import Actor
from backend.alerts import service as alerts
from backend.alerts import silence_rules
from backend.alerts.types import NewSilence, Silence
from backend.i18n.catalog import Lang
from portal import bridge, routes, task_owner
from portal.bridge import Problem, ThreadPool
from portal.features.alerts.silence_rows import PreviewView, SilenceForm, to_form, to_preview
from portal.guard import OPERATORS, allow
from portal.i18n import language
from portal.loaded import LoadedPage
from portal.place import place_of

FREE = "free"
LONGEST_WRITTEN = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """The fields of the form as they came."""

    matchers: str
    length: str
    day: str
    at: str
    reason: str

    def ends_at(self, now: datetime) -> datetime:
        if self.length == FREE:
            return silence_rules.written_end(self.day, self.at, now)
        return silence_rules.end_of_length(self.length, now)

    def silence(self) -> NewSilence:
        return NewSilence(matchers=self.matchers, ends_at=self.ends_at(clock.utc_now()), reason=self.reason)


class SilenceFormState(LoadedPage, rx.State):
    """A tab's form for a silence: a new one, or another end of one that the address names."""

    view: SilenceForm = SilenceForm()
    preview: PreviewView = PreviewView()
    is_free: bool = False
    is_working: bool = False
    problem_text: str = ""
    _silence_id: str = ""
    _written: _Written | None = None

    @rx.event
    @allow(OPERATORS)
    async def load(self) -> None:
        """Show the form for the alert or the silence that the address names."""
        place = place_of(self, {routes.OF_ALERT: None, routes.OF_SILENCE: None, routes.EXTENDED: None})
        self._silence_id, self._written = place.word(routes.EXTENDED), None
        self.preview, self.problem_text, self.is_working, self.is_free = PreviewView(), "", False, False
        extended, alert, again = (
            place.word(name) for name in (routes.EXTENDED, routes.OF_ALERT, routes.OF_SILENCE)
        )
        await self._show(lambda actor, lang: _form(actor, extended, alert, again, lang))

    @rx.event
    @allow(OPERATORS)
    def choose_length(self, value: str) -> None:
        """Show the fields of a free end, or hide them."""
        self.is_free = value == FREE

    @rx.event(background=True)
    @allow(OPERATORS)
    async def look(self, form: dict[str, Any]) -> AsyncIterator[Any]:
        """Show what the silence would cover; another end of a live silence is stored at once."""
        owner, lang = await task_owner.of(self), language(self)
        written = _written(form)
        async with owner.holding(self) as is_ours:
            if not is_ours or self.is_working:
                return
            self.is_working, self.problem_text, self.preview = True, "", PreviewView()
            silence_id = self._silence_id
        actor = owner.actor
        outcome: PreviewView | Silence | Problem
        if silence_id:
            outcome = await bridge.attempt(
                lang, lambda: _extend(actor, silence_id, written), pool=ThreadPool.NETWORK
            )
        else:
            outcome = await bridge.attempt(lang, lambda: _look(actor, written, lang), pool=ThreadPool.NETWORK)
        outcome = await owner.confirmed(self, outcome)
        async with owner.holding(self) as is_ours:
            if not is_ours:
                return
            self.is_working = False
            if isinstance(outcome, Problem):
                self.problem_text = outcome.text
            elif isinstance(outcome, PreviewView):
                self.preview, self._written = outcome, written
        if isinstance(outcome, Silence):
            yield rx.redirect(routes.SILENCES)

    @rx.event(background=True)
    @allow(OPERATORS)
    async def save(self) -> AsyncIterator[Any]:
        """Silence what was looked at."""
        owner, lang = await task_owner.of(self), language(self)
        async with owner.holding(self) as is_ours:
            written = self._written
            if not is_ours or self.is_working or written is None:
                return
            self.is_working, self.problem_text = True, ""
        actor = owner.actor
        outcome = await bridge.attempt(
            lang, lambda: alerts.create_silence(actor, written.silence()), pool=ThreadPool.NETWORK
        )
        outcome = await owner.confirmed(self, outcome)
        async with owner.holding(self) as is_ours:
            if not is_ours:
                return
            self.is_working = False
            if isinstance(outcome, Problem):
                self.problem_text = outcome.text
                return
        yield rx.redirect(routes.SILENCES)


def _form(actor: Actor, extended: str, alert: str, again: str, lang: Lang) -> SilenceForm:
    if extended:
        return to_form("", alerts.silence_named(actor, extended), lang)
    if again:
        known = alerts.silence_named(actor, again)
        return to_form("\n".join(map(str, known.matchers)), None, lang)
    return to_form(alerts.proposed_matchers(actor, alert) if alert else "", None, lang)


def _look(actor: Actor, written: _Written, lang: Lang) -> PreviewView:
    return to_preview(alerts.preview_silence(actor, written.silence()), written.reason, lang)


def _extend(actor: Actor, silence_id: str, written: _Written) -> Silence:
    return alerts.change_silence_end(actor, silence_id, written.ends_at(clock.utc_now()), written.reason)


def _written(form: object) -> _Written:
    told = form if isinstance(form, dict) else {}

    def word(name: str) -> str:
        return str(told.get(name) or "")[:LONGEST_WRITTEN]

    return _Written(
        matchers=word("matchers"),
        length=word("length"),
        day=word("day"),
        at=word("at"),
        reason=word("reason"),
    )
