"""Replace the key that signs DocuChat's login tokens, without refusing one token, in three steps by key id.

Facts for the runbook's page: two rollouts of ``docuchat-api``. (1) The new key is added for verifying, and every pod is
replaced: all pods know both keys, all sign with the old one. (2) The new key signs, and every pod is replaced: whoever
gets a token of either key knows it. (3) After the life of a token (``DOCUCHAT_TOKEN_LIFE_S``) and a minute, the old
keys are taken out, and every pod is replaced. One step instead of three refuses customers: old pods cannot verify what
new pods sign. Where tokens live for more than half an hour the run ends after (2), and ``retire_jwt_keys`` does (3).

A rollout that fails in (1) or (2) puts the keys back. A run that died goes on where it was: the Secret tells how far
it came. After a later rotation it does not go on: its key is gone, or its tokens are valid for longer than it knows.
There is no undo: rotating again is one.
"""

import secrets
from datetime import datetime

from backend.config import settings
from backend.errors import Refused
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from runbooks import jwt_rules, rotation
from runbooks.action import Action, ActionParameters, Step
from runbooks.context import Planning, Running
from runbooks.jwt_rules import KEYS, SIGNING, SINCE
from runbooks.rotation import RotatedSecret, Rotation

JWT = RotatedSecret(secret="docuchat-jwt", workloads=("docuchat-api",), public=frozenset({SIGNING, SINCE}))  # noqa: S106 - its name
KEY_BYTES = 48
LONGEST_WAIT_S = 1800
"""The run holds the locks of the workload while it waits; whoever has longer tokens retires the old keys later."""
_LOOK_S = 5.0
_SIGNING = Words(key="runbooks.rotate_jwt_secret.signing")
_VERIFYING = Words(key="runbooks.rotate_jwt_secret.verifying")


class JWTRotationParameters(ActionParameters):
    """The namespace of DocuChat."""

    namespace: str


def plan(planning: Planning, parameters: JWTRotationParameters) -> Plan:
    """The keys by their ids, and whether the run itself retires the old ones."""
    found = rotation.look(planning, parameters.namespace, JWT)
    keys = jwt_rules.keys_of(found.values)
    life_s = settings().docuchat_token_life_s
    is_short = life_s <= LONGEST_WAIT_S
    after = (
        Words(key="runbooks.side.new")
        if is_short
        else Words(key="runbooks.side.new_beside", values={"others": ", ".join(sorted(keys))})
    )
    note = (
        "runbooks.rotate_jwt_secret.waits_itself" if is_short else "runbooks.rotate_jwt_secret.retire_later"
    )
    return rotation.plan_of(
        parameters.namespace,
        JWT,
        found,
        changes=(
            PlannedChange(
                what=Words(key="runbooks.rotate_jwt_secret.signing"),
                before=found.values[SIGNING],
                after=Words(key="runbooks.side.new"),
            ),
            PlannedChange(
                what=Words(key="runbooks.rotate_jwt_secret.verifying"),
                before=", ".join(sorted(keys)),
                after=after,
            ),
        ),
        notes=(Words(key="runbooks.rotate_jwt_secret.no_undo"), Words(key=note, values={"seconds": life_s})),
        rollouts=3 if is_short else 2,
    )


def add(running: Running, parameters: JWTRotationParameters) -> None:
    """Let every pod verify with the new key, too."""
    turning = Rotation(running=running, namespace=parameters.namespace, credential=JWT)
    values, version = turning.read()
    keys = _known_keys(running, values)
    new = str(running.memory.get("new_kid") or f"{running.now():%Y%m%d}-{secrets.token_hex(3)}")
    running.remember(new_kid=new, old_kid=values[SIGNING])
    before = {kid: key for kid, key in keys.items() if kid != new}
    with turning.put_back(jwt_rules.with_keys(before)):
        if new not in keys:
            added = running.secret(secrets.token_urlsafe(KEY_BYTES))
            turning.write(jwt_rules.with_keys(keys | {new: added}), version)
        turning.roll_out()
    running.changed("runbooks.rotate_jwt_secret.added", kid=new)


def sign(running: Running, parameters: JWTRotationParameters) -> None:
    """Let every pod sign with the new key.

    Raises:
        Refused: the Secret has not both keys any more, or another one signs.
    """
    turning = Rotation(running=running, namespace=parameters.namespace, credential=JWT)
    values, version = turning.read()
    old, new = str(running.memory["old_kid"]), str(running.memory["new_kid"])
    if not {old, new} <= _known_keys(running, values).keys() or values[SIGNING] not in {old, new}:
        raise Refused(reason="jwt_changed_since")
    # From here until the last pod was replaced, nobody knows since when a key signs everywhere.
    with turning.put_back({SIGNING: old, SINCE: ""}):
        if values[SIGNING] != new:
            turning.write({SIGNING: new, SINCE: ""}, version)
        turning.roll_out()
    # From now on no pod signs with an earlier key.
    since = running.now()
    turning.write({SINCE: since.isoformat()})
    running.remember(signing_since=since.isoformat())
    running.changed("runbooks.rotate_jwt_secret.signing_now", kid=new)


def wait(running: Running, parameters: JWTRotationParameters) -> None:
    """Wait until no valid token is left that an earlier key signed.

    Raises:
        Refused: another key signs by now.
    """
    _require_own(running, parameters.namespace)
    life_s = settings().docuchat_token_life_s
    end = jwt_rules.old_keys_end(datetime.fromisoformat(str(running.memory["signing_since"])), life_s)
    if life_s > LONGEST_WAIT_S:
        running.changed("runbooks.rotate_jwt_secret.retire_from", at=end)
        return
    running.log("runbooks.rotate_jwt_secret.waits", at=end)
    while running.now() < end:
        running.wait(min(_LOOK_S, max(0.0, (end - running.now()).total_seconds())))


def drop(running: Running, parameters: JWTRotationParameters) -> None:
    """Take the old keys out.

    Raises:
        Refused: another key signs by now.
    """
    _require_own(running, parameters.namespace)
    if settings().docuchat_token_life_s <= LONGEST_WAIT_S:
        retire(running, parameters.namespace)


def retire(running: Running, namespace: str) -> None:
    """Take out every key but the one that signs, and replace the pods.

    Raises:
        Refused: tokens of the others may still be valid, or nobody knows.
    """
    turning = Rotation(running=running, namespace=namespace, credential=JWT)
    values, version = turning.read()
    keys = _known_keys(running, values)
    # Since the plan, or since the process died, another key may have begun to sign.
    jwt_rules.require_ended(values, settings().docuchat_token_life_s, running.now())
    signing = values[SIGNING]
    gone = sorted(set(keys) - {signing})
    with turning.put_back({KEYS: values[KEYS]}):
        if gone:
            turning.write(jwt_rules.with_keys({signing: keys[signing]}), version)
        turning.roll_out()
    running.changed("runbooks.rotate_jwt_secret.retired", kids=", ".join(gone) or "–")


def _require_own(running: Running, namespace: str) -> None:
    """The key that this run made signs, and since the instant that this run noted: no later rotation changed that."""
    values, _version = Rotation(running=running, namespace=namespace, credential=JWT).read()
    if (values.get(SIGNING), values.get(SINCE)) != (
        running.memory["new_kid"],
        running.memory["signing_since"],
    ):
        raise Refused(reason="jwt_changed_since")


def _known_keys(running: Running, values: dict[str, str]) -> dict[str, str]:
    keys = jwt_rules.keys_of(values)
    for key in keys.values():
        running.secret(key)
    return keys


ACTION = Action(
    name="rotate_jwt_secret",
    risk=Risk.DESTRUCTIVE,
    parameters=JWTRotationParameters,
    choices={"namespace": rotation.namespaces},
    targets=lambda parameters: JWT.targets(parameters.namespace),
    needs=lambda parameters: JWT.needs(parameters.namespace),
    plan=plan,
    steps=(
        Step(name="add", run=add),
        Step(name="sign", run=sign),
        Step(name="wait", run=wait),
        Step(name="drop", run=drop),
    ),
    deadline_s=LONGEST_WAIT_S + 3 * int(rotation.ROLLOUT_S) + 300,
)
