"""Take the keys out of DocuChat that sign no login token any more: the third step of ``rotate_jwt_secret`` by itself.

Facts for the runbook's page: for tokens that live longer than half an hour, and for a rotation that was cancelled while
it waited. The plan refuses it until the life of a token (``DOCUCHAT_TOKEN_LIFE_S``) and a minute have passed since the
present key signs everywhere; the Secret's ``signing-since`` tells since when, and without it the plan refuses, too. One
rollout of ``docuchat-api``; one that fails puts the keys back. There is no undo.
"""

from backend.config import settings
from backend.errors import Refused
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from runbooks import jwt_rules, rotation
from runbooks.action import Action, ActionParameters, Step
from runbooks.actions.rotate_jwt_secret import JWT, retire
from runbooks.context import Planning, Running
from runbooks.jwt_rules import SIGNING


class JWTRetirementParameters(ActionParameters):
    """The namespace of DocuChat."""

    namespace: str


def plan(planning: Planning, parameters: JWTRetirementParameters) -> Plan:
    """The keys that go.

    Raises:
        Refused: there is none but the one that signs, tokens of the others may still be valid, or nobody knows.
    """
    found = rotation.look(planning, parameters.namespace, JWT)
    keys, signing = jwt_rules.keys_of(found.values), found.values[SIGNING]
    if set(keys) == {signing}:
        raise Refused(reason="jwt_one_key")
    since = jwt_rules.signing_since(found.values)
    if since is None:
        raise Refused(reason="jwt_since_unknown")
    end = jwt_rules.old_keys_end(since, settings().docuchat_token_life_s)
    if planning.now < end:
        raise Refused(reason="jwt_too_early", at=end)
    what = Words(key="runbooks.rotate_jwt_secret.verifying")
    return rotation.plan_of(
        parameters.namespace,
        JWT,
        found,
        changes=(PlannedChange(what=what, before=", ".join(sorted(keys)), after=signing),),
        notes=(Words(key="runbooks.rotate_jwt_secret.no_undo"),),
    )


def drop(running: Running, parameters: JWTRetirementParameters) -> None:
    """Take the old keys out."""
    retire(running, parameters.namespace)


ACTION = Action(
    name="retire_jwt_keys",
    risk=Risk.DESTRUCTIVE,
    parameters=JWTRetirementParameters,
    choices={"namespace": rotation.namespaces},
    targets=lambda parameters: JWT.targets(parameters.namespace),
    needs=lambda parameters: JWT.needs(parameters.namespace),
    plan=plan,
    steps=(Step(name="drop", run=drop),),
    deadline_s=int(rotation.ROLLOUT_S) + 300,
)
