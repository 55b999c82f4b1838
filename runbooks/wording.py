"""The words of actions and of runbooks' pages: names, what they do, fields and steps, in the reader's language."""

from collections.abc import Callable, Mapping

from backend.i18n.catalog import Lang, has, text
from runbooks import registry
from runbooks.types import PageKind


def action_name(name: str, lang: Lang) -> str:
    """An action by name; one that this version no longer knows by what it is stored as."""
    return text(f"runbooks.action.{name}.name", lang) if has(f"runbooks.action.{name}.name") else name


def action_says(name: str, lang: Lang) -> str:
    """A sentence that says what an action does. Raises NotFound."""
    return text(f"runbooks.action.{registry.action_named(name).name}.what", lang)


def field_label(action: str, field: str, lang: Lang) -> str:
    """The label of a field of an action's form."""
    key = f"runbooks.field.{action}.{field}"
    return text(key, lang) if has(key) else field


def step_label(action: str, step: str, lang: Lang) -> str:
    """A step in words."""
    key = f"runbooks.step.{action}.{step}"
    return text(key, lang) if has(key) else step


def page_title(name: str, kind: PageKind, lang: Lang) -> str:
    """The title of a page: the alert, the action or the procedure in words."""
    return text(_TITLES[kind](name), lang)


def page_says(name: str, kind: PageKind, lang: Lang) -> str:
    """The sentence below the title of a page."""
    return text(_SENTENCES[kind](name), lang)


_TITLES: Mapping[PageKind, Callable[[str], str]] = {
    PageKind.ALERT: lambda name: f"alerts.name.{name}",
    PageKind.ACTION: lambda name: f"runbooks.action.{name}.name",
    PageKind.PROCEDURE: lambda name: f"runbooks.page.{name}.name",
}
_SENTENCES: Mapping[PageKind, Callable[[str], str]] = {
    PageKind.ALERT: lambda name: f"alerts.said.{name}",
    PageKind.ACTION: lambda name: f"runbooks.action.{name}.what",
    PageKind.PROCEDURE: lambda name: f"runbooks.page.{name}.what",
}
