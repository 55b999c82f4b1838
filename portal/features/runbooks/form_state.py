"""State of an action's form. The server looks anew at whatever is chosen: other choices and the obstacles follow."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import reflex as rx

from portal import bridge, routes, task_owner
from portal.bridge import Problem, ThreadPool
from portal.features.runbooks import form_queries
from portal.features.runbooks.form_queries import FilledForm
from portal.features.runbooks.form_rows import FormView
from portal.guard import OPERATORS, STAFF, allow
from portal.i18n import language
from portal.loaded import LoadedPage
from runbooks import asking_service as asking


class ActionFormState(LoadedPage, rx.State):
    """A tab's form. The key of its request is made when it opens, so that a double click asks once."""

    view: FormView = FormView()
    can_act: bool = False
    is_working: bool = False
    action_problem: str = ""
    _action: str = ""
    _given: dict[str, str] = {}
    _alert: str = ""
    _like: str = ""
    _key: str = ""
    _look_no: int = 0

    @rx.event
    @allow(STAFF)
    async def load(self) -> Any:
        """Begin a form for the action and the values that the address names; the look at it comes after that."""
        actor, _ = await self._reader()
        self.reset()
        query = self.router.url.query_parameters
        self.can_act = actor.role in OPERATORS
        self._action = str(self.router.url.path).rstrip("/").rpartition("/")[2]
        self._given = form_queries.given_in(query)
        self._alert, self._like = (str(query.get(name, "")) for name in (routes.FROM_ALERT, routes.LIKE_RUN))
        self._key = asking.new_request_key()
        # Beside this handler it would begin before the address was read.
        return ActionFormState.look

    @rx.event
    @allow(STAFF)
    def fill(self, name: str, value: str) -> Any:
        """Take a value in, and look again at what depends on it."""
        if not any(each.name == name for each in self.view.fields):
            return None
        self._given = {**self._given, **form_queries.given_in({str(name): value})}
        self.action_problem = ""
        return ActionFormState.look

    @rx.event(background=True)
    @allow(STAFF)
    async def look(self) -> None:
        """Show choices and obstacles for the values so far. It may ask the cluster, so the page stays free."""
        owner, lang = await task_owner.of(self), language(self)
        async with owner.holding(self) as is_ours:
            if not is_ours:
                return
            self._look_no += 1
            look_no, filled = self._look_no, self._filled()
        outcome = await bridge.attempt(
            lang,
            lambda: form_queries.form_view(owner.actor, filled, lang, look_no),
            pool=ThreadPool.NETWORK,
        )
        outcome = await owner.confirmed(self, outcome)
        async with owner.holding(self) as is_ours:
            if not is_ours or look_no != self._look_no:
                return
            if isinstance(outcome, Problem):
                self.phase, self.problem = "problem", outcome
                return
            self.phase, self.view = "ready", self._kept(outcome)

    @rx.event(background=True)
    @allow(OPERATORS)
    async def ask(self, form: dict[str, Any]) -> AsyncIterator[Any]:
        """Ask for the plan with the values of the form, and go to the page of the run."""
        owner, lang = await task_owner.of(self), language(self)
        async with owner.holding(self) as is_ours:
            if not is_ours or self.is_working or self.phase != "ready":
                return
            self.is_working, self.action_problem = True, ""
            told = form_queries.given_in(form if isinstance(form, dict) else {})
            self._given = {each.name: told.get(each.name, "") for each in self.view.fields}
            filled = self._filled()
        outcome = await bridge.attempt(
            lang,
            lambda: form_queries.ask(owner.actor, filled, lang),
            pool=ThreadPool.NETWORK,
        )
        outcome = await owner.confirmed(self, outcome)
        async with owner.holding(self) as is_ours:
            if not is_ours:
                return
            self.is_working = False
            if isinstance(outcome, Problem | str):
                self.action_problem = outcome.text if isinstance(outcome, Problem) else outcome
                return
        yield rx.redirect(routes.run(outcome.id))

    def _filled(self) -> FilledForm:
        return FilledForm(
            action=self._action,
            given=dict(self._given),
            key=self._key,
            alert=self._alert,
            like_run=self._like,
        )

    def _kept(self, found: FormView) -> FormView:
        """The form whose boxes stay as they are while the server agrees with them: a new key would empty the focus."""
        keys = {each.name: each.key for each in self.view.fields}
        agreed = {each.name for each in found.fields if each.value == self._given.get(each.name, each.value)}
        return replace(
            found,
            fields=[
                replace(each, key=keys.get(each.name, each.key)) if each.name in agreed else each
                for each in found.fields
            ],
        )
