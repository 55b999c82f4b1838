"""The words of an action: its name, what it does, its fields and steps, in the reader's language."""

from backend.i18n.catalog import Lang, has, text
from runbooks import registry


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
