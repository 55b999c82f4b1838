"""A secret that a person gives to a run: only the name of the Kubernetes Secret that holds it is ever a parameter."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints


@dataclass(frozen=True)
class SecretMark:
    """Marks a field whose value a browser posts straight to a Kubernetes Secret."""


SecretInput = Annotated[str, StringConstraints(pattern=r"^run-input-[a-z0-9]{20,40}$"), SecretMark()]
