"""The door of the ledger: a delivery pipeline posts when a deployment starts, and again when it has ended."""

import re
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from backend.actor import Actor
from backend.config import settings
from backend.deploys import service as deploys
from backend.deploys.ledger_types import PRODUCTION, DeployRecord, DeployResult, NewDeploy, SmokeTest
from portal import routes
from portal.http.doors import Door

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.IGNORECASE | re.ASCII)


def _written_moment(value: object) -> object:
    """Only text of RFC 3339 is a moment: a number may count seconds or milliseconds, and a zone may be missing."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("should be text such as 2026-11-28T10:00:00Z, with its zone")
    return value


# Strict means strict about Python's types by then, so the text would be refused.
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_moment)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")]
# Written by people: what nobody sees is taken out when it is stored.
FreeText = Annotated[str, Field(max_length=200)]


class PostedDeployment(BaseModel):
    """A deployment as it stands now. Unknown fields are refused, so that a misspelt one is noticed at once.

    Send it when the deployment starts, and again under the same key when it has ended. A later message may add what
    was not told, and must not contradict it. Repeating a message is safe.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    key: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$",
        description="The sender's own name of this deployment, such as the id of the run and its attempt.",
        examples=["run-18211-1"],
    )
    service: Name = Field(description="The deployed service.", examples=["docuchat-api"])
    version: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$",
        description="The version, such as the image's tag.",
        examples=["1.42.0"],
    )
    started_at: Moment = Field(
        description="The start, in the last 366 days.", examples=["2026-11-28T10:00:00Z"]
    )
    environment: Name = PRODUCTION
    namespace: Name | None = Field(default=None, description="The namespace of the workloads.")
    workloads: list[Name] = Field(
        default=[],
        max_length=20,
        description="The Deployments, StatefulSets and DaemonSets that it changes.",
    )
    image_digest: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$")
    commit_sha: str | None = Field(default=None, pattern=r"^[0-9a-f]{7,64}$")
    branch: FreeText | None = None
    author: FreeText | None = None
    ci_run: str | None = Field(
        default=None,
        max_length=500,
        pattern=r"^https?://[!-~]+$",
        description="The address of the run. Shown as text, and as a link where its host is a known one.",
    )
    committed_at: Moment | None = Field(
        default=None, description="The time of the commit, for the lead time."
    )
    finished_at: Moment | None = Field(
        default=None,
        description="The end, at most seven days after the start; with every result but running.",
    )
    result: DeployResult = DeployResult.RUNNING
    smoke_test: SmokeTest | None = None


class KnownDeployment(BaseModel):
    """A deployment in the ledger. Equal messages get equal answers."""

    id: UUID
    key: str
    result: DeployResult
    smoke_test: SmokeTest | None


def _take(actor: Actor, posted: PostedDeployment) -> KnownDeployment:
    record = deploys.record_deploy(actor, to_new(posted))
    return to_known(record)


def to_new(posted: PostedDeployment) -> NewDeploy:
    """The deployment that a body tells of."""
    told: dict[str, Any] = {name: value for name, value in posted if value is not None}
    return NewDeploy(**{**told, "workloads": tuple(sorted(set(posted.workloads)))})


def to_known(record: DeployRecord) -> KnownDeployment:
    """The answer to the sender."""
    told = record.told
    return KnownDeployment(id=record.id, key=told.key, result=told.result, smoke_test=told.smoke_test)


DOOR = Door(
    name="deployments",
    path=routes.POST_DEPLOYMENT,
    summary="Tell of a deployment that started or ended.",
    token_hash=lambda: settings().deployments_token_hash,
    body=PostedDeployment,
    answer=KnownDeployment,
    work=_take,
)
