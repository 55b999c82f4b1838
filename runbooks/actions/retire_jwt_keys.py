"""Take the keys out of DocuChat that sign no login token any more: the third step of ``rotate_jwt_secret`` by itself.

Facts for the runbook's page: for tokens that live longer than half an hour, and for a rotation that was cancelled while
it waited. The plan refuses it until the life of a token (``DOCUCHAT_TOKEN_LIFE_S``) and a minute have passed since the
present key signs everywhere; the Secret's ``signing-since`` tells since when, and without it the plan refuses, too. The
step looks at it again, since a run that died may go on after another rotation. One rollout of ``docuchat-api``; one
that fails puts the keys back. There is no undo.
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
    jwt_rules.require_ended(found.values, settings().docuchat_token_life_s, planning.now)
    what = Words(key="runbooks.rotate_jwt_secret.verifying")
    return rotation.plan_of(
        parameters.namespace,
        JWT,
        found,
        changes=(PlannedChange(what=what, before=", ".join(sorted(keys)), after=signing),),
        notes=(Words(key="runbooks.rotate_jwt_secret.no_undo"),),
    )


def drop(running: Running, parameters: JWTRetirementParameters) -> None:
    """Take the old keys out.

    Raises:
        Refused: since the plan another key began to sign, and tokens of the others may still be valid.
    """
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
