"""A secret that a person gives to a run: only the name of the Kubernetes Secret that holds it is ever a parameter.

A form fills such a field by posting the secret to ``/runbooks/inputs``, and putting the name that is answered in its
place.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints


@dataclass(frozen=True)
class SecretMark:
    """Marks a field whose value a browser posts straight to a Kubernetes Secret."""


_Name = Annotated[str, StringConstraints(pattern=r"^run-input-[a-z0-9]{20,40}$")]
SecretInput = Annotated[_Name, SecretMark()]
OptionalSecretInput = Annotated[_Name | None, SecretMark()]

# In the place of a secret that is not given yet, where only the other parameters matter.
NO_SECRET = f"run-input-{'0' * 24}"
