"""The API keys of OpenAI's project: tried by a call, and made, looked at and deleted by the Admin API.

https://platform.openai.com/docs/api-reference/project-api-keys

An answer of a refused key quotes a part of it, so no word of the vendor leaves this module.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import openai
from openai import OpenAI
from openai.types.admin.organization.projects import ProjectAPIKey

from backend.clients.http import refuse_inside_transaction
from backend.config import settings
from backend.errors import NotFound, Refused, Unavailable

TIMEOUT_S = 10.0
RETRIES = 2
_SERVICE = "openai"
# What stands for the hidden middle of a key: ``sk-abc...def``, ``sk-abc****def``.
_HIDDEN = re.compile(r"(?:\*+|\.{2,}|…)+")
_SHORTEST_END = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made; its value is told this once."""

    id: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedKey:
    """A key of the project. The vendor notes its last use to the second, and perhaps late."""

    id: str
    name: str
    redacted: str
    last_used_at: datetime | None

    def can_be(self, value: str) -> bool:
        """Whether the shown parts of the key fit a value."""
        parts = _HIDDEN.split(self.redacted)
        start, end = parts[0], parts[-1]
        has_ends = len(parts) > 1 and len(end) >= _SHORTEST_END
        return has_ends and value.startswith(start) and value.endswith(end)


def is_configured() -> bool:
    """Whether it is known for which project and service account keys can be made."""
    return bool(settings().openai_project_id and settings().openai_service_account_id)


def try_key(value: str) -> None:
    """Ask the model that this portal uses for one short answer, with a key.

    Raises:
        Refused: with ``reason`` openai_key_refused: the key is unknown, withdrawn, or may not ask this model.
        Unavailable: the vendor does not answer, or refuses for another reason, such as a budget that is used up.
    """
    with _client(api_key=value) as client:
        client.responses.create(
            model=settings().openai_model, input="ping", max_output_tokens=16, store=False
        )


def create_key(name: str) -> NewKey:
    """Make a key for the service account of the settings. Asked once: after silence there may be a key of this name.

    ``{"id": "key_abc", "value": "sk-svcacct-...", "name": "...", "created_at": 1764300000}``
    """
    with _admin() as client:
        made = client.with_options(
            max_retries=0
        ).admin.organization.projects.service_accounts.api_keys.create(
            settings().openai_service_account_id, project_id=settings().openai_project_id, name=name
        )
    return NewKey(id=made.id, value=made.value)


def project_keys() -> list[ListedKey]:
    """Every key of the project."""
    with _admin() as client:
        return [
            _listed(key) for key in client.admin.organization.projects.api_keys.list(_project(), limit=100)
        ]


def key_with_id(key_id: str) -> ListedKey:
    """A key of the project. Raises NotFound for one that was deleted."""
    with _admin() as client:
        found = client.admin.organization.projects.api_keys.retrieve(key_id, project_id=_project())
    return _listed(found)


def delete_key(key_id: str) -> None:
    """Withdraw a key. Idempotent."""
    try:
        with _admin() as client:
            client.admin.organization.projects.api_keys.delete(key_id, project_id=_project())
    except NotFound:
        return


def _listed(key: ProjectAPIKey) -> ListedKey:
    last = key.last_used_at
    return ListedKey(
        id=key.id,
        name=key.name or "",
        redacted=key.redacted_value,
        last_used_at=None if last is None else datetime.fromtimestamp(last, UTC),
    )


def _project() -> str:
    return settings().openai_project_id


@contextmanager
def _admin() -> Iterator[OpenAI]:
    """Raises Refused where no admin key is set, or it is not accepted."""
    key = settings().openai_admin_key.get_secret_value()
    if not key or not is_configured():
        raise Refused(reason="openai_no_admin_key")
    try:
        with _client(admin_api_key=key) as client:
            yield client
    except NotFound:
        raise
    except Refused:
        raise Refused(reason="openai_admin_refused") from None


@contextmanager
def _client(*, api_key: str = "", admin_api_key: str | None = None) -> Iterator[OpenAI]:
    refuse_inside_transaction()
    try:
        with OpenAI(
            base_url=settings().openai_base_url,
            api_key=api_key,
            admin_api_key=admin_api_key,
            timeout=TIMEOUT_S,
            max_retries=RETRIES,
        ) as client:
            yield client
    except (openai.AuthenticationError, openai.PermissionDeniedError):
        raise Refused(reason="openai_key_refused") from None
    except openai.NotFoundError:
        raise NotFound(reason="openai_key") from None
    except (openai.OpenAIError, AttributeError, ValueError):
        # A proxy's page in the place of an answer ends as an AttributeError; see ``openai_wording``.
        raise Unavailable(service=_SERVICE) from None
