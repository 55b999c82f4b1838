"""Reads and questions of an action's form, each in one call."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from backend.actor import Actor
from backend.alerts import service as alerts
from backend.alerts.summary_rules import name_of
from backend.errors import AppError, NotFound
from backend.free_text import storable
from backend.i18n.catalog import Lang, text
from backend.i18n.errors import error_text
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunId
from portal import routes
from portal.features.runbooks.form_rows import FormView, to_form
from portal.ids import uuid_of
from portal.run_words import problem_words
from runbooks import asking_service as asking
from runbooks.form_rules import LONGEST_VALUE
from runbooks.form_types import RunWish
from runbooks.wording import field_label

MOST_FIELDS = 30
_NO_FIELDS = {routes.FROM_ALERT, routes.LIKE_RUN}


def given_in(query: Mapping[str, object]) -> dict[str, str]:
    """The values of fields in an address or a form: text that can be stored, at most thirty, none too long."""
    return {
        str(name)[:LONGEST_VALUE]: storable(value)[:LONGEST_VALUE]
        for name, value in list(query.items())[:MOST_FIELDS]
        if isinstance(value, str) and name not in _NO_FIELDS
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledForm:
    """A form as a tab has it: the action, the values so far, and where one came from. ``key`` is its request key."""

    action: str
    given: Mapping[str, str]
    key: str = ""
    alert: str = ""
    like_run: str = ""

    @property
    def known(self) -> dict[str, str]:
        """The values with the digits of numbers as a machine reads them."""
        return {
            name: _latin(value) if value.strip().isdecimal() else value for name, value in self.given.items()
        }


def form_view(actor: Actor, filled: FilledForm, lang: Lang, look_no: int) -> FormView:
    """The form of an action with what was filled in. It may ask the cluster. Raises NotFound."""
    form = asking.form(actor, filled.action, filled.known)
    alert = _alert_name(actor, filled.alert, lang) if filled.alert else ""
    view = to_form(form, filled.known, lang, look_no)
    return replace(view, origin=alert, origin_url=routes.alert(filled.alert)) if alert else view


def ask(actor: Actor, filled: FilledForm, lang: Lang) -> RunbookRun | str:
    """Ask for the plan of an action; a sentence where a field does not fit or it was done a short time ago."""
    wish = RunWish(
        action=filled.action,
        given=filled.known,
        request_key=filled.key,
        origin=_origin(actor, filled.alert),
        repeat_of=RunId(uuid_of(filled.like_run)) if filled.like_run else None,
    )
    try:
        return asking.ask(actor, wish)
    except AppError as error:
        return refusal(error, filled.action, lang)


def repeat(actor: Actor, run_id: RunId, key: str, lang: Lang) -> RunbookRun | str:
    """Ask for what a run did once more: with the same parameters, and a plan of its own."""
    known = runs.run(actor, run_id)
    given = {name: _written(value) for name, value in known.parameters.items() if value is not None}
    wish = RunWish(
        action=known.action, given=given, request_key=key, origin=dict(known.origin), repeat_of=run_id
    )
    try:
        return asking.ask(actor, wish)
    except AppError as error:
        return refusal(error, known.action, lang)


def refusal(error: AppError, action: str, lang: Lang) -> str:
    """A refusal in words, with the name of the field."""
    reason = error.data.get("reason")
    if reason == "run_field":
        field = field_label(action, str(error.data["field"]), lang)
        words = problem_words(str(error.data["words"]), lang)
        return text("error.invalid.run_field", lang, field=field, words=words)
    return error_text(error, lang)


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _latin(value: str) -> str:
    return "".join(str(unicodedata.decimal(sign)) for sign in value.strip())


def _origin(actor: Actor, fingerprint: str) -> dict[str, str]:
    """The alert that one came from, as a run stores it; nothing for one that is not known."""
    if not fingerprint:
        return {}
    try:
        firing = alerts.alert(actor, fingerprint).firing
    except NotFound:
        return {}
    return {"alert": firing.name, "fingerprint": firing.fingerprint, "firing": str(firing.id)}


def _alert_name(actor: Actor, fingerprint: str, lang: Lang) -> str:
    try:
        return name_of(alerts.alert(actor, fingerprint).firing, lang)
    except NotFound:
        return ""
