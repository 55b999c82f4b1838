"""A secret that a person gives to a run: only the name of the Kubernetes Secret that holds it is ever a parameter.

A field of this type is filled by a form that posts to ``/runbooks/inputs`` and puts the answer's name in its place.
A field that may be left empty has the default ``SecretInput("")``.
"""

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

PATTERN = r"^run-input-[a-z0-9]{20,40}$"


class SecretInput(str):
    """The name of a secret that waits in the runbook namespace."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's own
        """A text that can be such a name."""
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema(pattern=PATTERN))
