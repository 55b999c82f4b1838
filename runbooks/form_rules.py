"""From an action's parameters to the fields of a form, and from what was filled in to parameters. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from backend.errors import Invalid
from runbooks.action import ActionParameters
from runbooks.form_types import FieldKind
from runbooks.secret_input import SecretMark

LONGEST_VALUE = 500


def kind_of(info: FieldInfo, *, has_choices: bool) -> FieldKind:
    """Way in which a field is filled, by its type."""
    if has_choices:
        return FieldKind.CHOICE
    if any(isinstance(each, SecretMark) for each in info.metadata):
        return FieldKind.SECRET
    if info.annotation is bool:
        return FieldKind.SWITCH
    return FieldKind.NUMBER if info.annotation in {int, int | None} else FieldKind.TEXT


def bounds_of(info: FieldInfo) -> tuple[int | None, int | None]:
    """The least and the most value of a number, both included; None where there is no bound."""
    least = next((each.ge for each in info.metadata if hasattr(each, "ge")), None)
    most = next((each.le for each in info.metadata if hasattr(each, "le")), None)
    return least, most


def default_of(info: FieldInfo) -> str:
    """The value of a field that nobody filled yet."""
    if info.is_required() or info.default is None:
        return ""
    return str(info.default).lower() if isinstance(info.default, bool) else str(info.default)


def parameters_of(model: type[ActionParameters], given: Mapping[str, str]) -> ActionParameters:
    """The parameters that were filled in. An empty value is none.

    Raises:
        Invalid: a field is unknown, missing, too long or does not fit; ``field`` names the first.
    """
    filled = {name: value.strip() for name, value in given.items() if value.strip()}
    for name, value in filled.items():
        if name not in model.model_fields or len(value) > LONGEST_VALUE:
            raise Invalid(field=name[:50], reason="run_field", words="")
    try:
        return model.model_validate(filled)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        raise Invalid(field=name, reason="run_field", words=str(first["type"])) from None


def problems_of(model: type[ActionParameters], given: Mapping[str, str]) -> Mapping[str, str]:
    """The kind of fault of each field that was filled and does not fit: pydantic's own name of it."""
    filled = {name: value.strip() for name, value in given.items() if value.strip()}
    try:
        model.model_validate(filled)
    except ValidationError as wrong:
        return {
            str(each["loc"][0]): each["type"] for each in wrong.errors(include_input=False) if each["loc"]
        }
    return {}


def plain_of(parameters: ActionParameters) -> dict[str, Any]:
    """Parameters as a run stores them."""
    return parameters.model_dump(mode="json")
