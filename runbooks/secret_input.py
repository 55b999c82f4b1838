"""A secret that a person gives to a run: only the name of the Kubernetes Secret that holds it is ever a parameter."""

from typing import Annotated

from pydantic import StringConstraints


class SecretInput(str):
    """Marks a field that a browser posts straight to a Kubernetes Secret."""

    __slots__ = ()


SecretName = Annotated[str, StringConstraints(pattern=r"^run-input-[a-z0-9]{20,40}$")]
