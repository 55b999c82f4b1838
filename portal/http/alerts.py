"""The door of alerts: Alertmanager's webhook. What it tells is validated and otherwise not believed."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.actor import Actor
from backend.alerts import service as alerts
from backend.config import settings
from portal import routes
from portal.http.doors import Door

# A group of a thousand alerts with their annotations; Alertmanager sends a group at once.
LARGEST_BODY_BYTES = 4 * 1024 * 1024
_Text = Annotated[str, Field(max_length=10_000)]
_Texts = Annotated[dict[_Text, _Text], Field(max_length=200)]


class PostedStatus(StrEnum):
    """The status of an alert or of a group of them."""

    FIRING = "firing"
    RESOLVED = "resolved"


class PostedAlert(BaseModel):
    """An alert of the message."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: PostedStatus
    labels: _Texts
    annotations: _Texts = {}
    fingerprint: str = Field(default="", max_length=200)


class PostedAlerts(BaseModel):
    """A message of Alertmanager's webhook, version 4. Fields of later versions are ignored.

    Nothing of it is stored: the portal asks Alertmanager itself, because a message may be late, lost or forged, and an
    inhibited alert is never in one.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal["4"]
    status: PostedStatus
    alerts: list[PostedAlert] = Field(max_length=10_000)


class WokenUp(BaseModel):
    """The portal looks at Alertmanager now."""

    is_looking: bool = True


def _wake(actor: Actor, posted: PostedAlerts) -> WokenUp:
    del posted
    alerts.wake(actor)
    return WokenUp()


DOOR = Door(
    name="alerts",
    path=routes.POST_ALERTS,
    summary="Wake the portal, so that it asks Alertmanager now.",
    token_hash=lambda: settings().alerts_token_hash,
    body=PostedAlerts,
    answer=WokenUp,
    work=_wake,
    largest_bytes=LARGEST_BODY_BYTES,
)
