"""Replace the API key with which DocuChat asks OpenAI, in less than five minutes, without losing one request.

Facts for the runbook's page: the new key is made by the provider's Admin API, where ``OPENAI_PROJECT_ID`` and
``OPENAI_SERVICE_ACCOUNT_ID`` are set and the run has ``OPENAI_ADMIN_KEY``, or it is pasted by the operator. It is tried
by a real question first: a dead one changes nothing. Then the Secret ``docuchat-openai`` is written, the pods of every
workload that reads it are replaced, and the fewest that were available at any time are recorded. Old and new pods ask
side by side, each with its own key, and both keys are valid all the while. When no pod of before is left and nobody has
used the old key for ``OPENAI_KEY_QUIET_S`` seconds, it is withdrawn. Without the Admin API its last use cannot be asked
for, so it stays, and the result says that it is to be withdrawn by hand.

A rollout that fails, or a cancellation, writes the old key back; it is known to this process alone. A run that died
goes on: what was made for it and never used is withdrawn, and another is made. A withdrawn key cannot be given back, so
there is no undo: rotating again is one.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from backend.clients import openai_admin
from backend.config import settings
from backend.errors import AppError, NotFound, Refused, Unavailable
from backend.run_inputs import service as run_inputs
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from runbooks import kept_secrets, rotation
from runbooks.action import Action, ActionParameters, Need, Step
from runbooks.context import Planning, Running
from runbooks.rotation import RotatedSecret, Rotation
from runbooks.secret_input import OptionalSecretInput

OPENAI = RotatedSecret(
    secret="docuchat-openai",  # noqa: S106 - its name
    workloads=("docuchat-api", "docuchat-worker", "docuchat-ingest", "docuchat-portal"),
)
KEY = "value"
LONGEST_QUIET = timedelta(minutes=15)
"""A key that is still used after this time is used by somebody whom nobody knows; it is not withdrawn."""
_LOOK_S = 1.0
_NEW, _OLD = "new", "old"
T = TypeVar("T")


class OpenAIKeyParameters(ActionParameters):
    """The namespace of DocuChat, and the new key; without one the provider is asked to make it."""

    namespace: str
    new_key: OptionalSecretInput = None


def plan(planning: Planning, parameters: OpenAIKeyParameters) -> Plan:
    """The source of the new key, and the workloads whose pods are replaced.

    Raises:
        Refused: no key was pasted, and it is not set for whom one is made.
    """
    is_made = openai_admin.is_configured()
    if not parameters.new_key and not is_made:
        raise Refused(reason="openai_no_new_key")
    found = rotation.look(planning, parameters.namespace, OPENAI)
    _require_layout(found.values)
    account = f"{settings().openai_project_id}/{settings().openai_service_account_id}"
    source = parameters.new_key or account
    withdrawal = "runbooks.rotate_openai_key.withdraws" if is_made else "runbooks.rotate_openai_key.by_hand"
    return rotation.plan_of(
        parameters.namespace,
        OPENAI,
        found,
        changes=(
            PlannedChange(
                what=Words(key="runbooks.rotate_openai_key.key"), before="***", after=f"*** ({source})"
            ),
        ),
        notes=(
            Words(key=withdrawal, values={"seconds": settings().openai_key_quiet_s}),
            Words(key="runbooks.rotate_openai_key.no_undo"),
        ),
    )


def obtain(running: Running, parameters: OpenAIKeyParameters) -> None:
    """Read the key that was pasted, or have one made."""
    _new_key(running, parameters)


def test_key(running: Running, parameters: OpenAIKeyParameters) -> None:
    """Ask the provider one question with the new key."""
    value = _new_key(running, parameters)
    openai_admin.try_key(value)
    running.log("runbooks.rotate_openai_key.answers")


def write(running: Running, parameters: OpenAIKeyParameters) -> None:
    """Write the new key into the Secret. From then on no step makes another one."""
    turning = Rotation(running=running, namespace=parameters.namespace, credential=OPENAI)
    new = _new_key(running, parameters)
    values, version = turning.read()
    _require_layout(values)
    old = values[KEY]
    if new == old and not running.memory.get("is_writing"):
        raise Refused(reason="openai_same_key")
    _note_old(running, old)
    if new != old:
        kept_secrets.keep(running, _OLD, old)
        running.remember(is_writing=True)
        with rotation.unwritten_if_refused(running):
            turning.write({KEY: new}, version)
    running.remember(is_written=True)
    if parameters.new_key:
        run_inputs.discard(running.actor, running.kubernetes, parameters.new_key)


def roll_out(running: Running, parameters: OpenAIKeyParameters) -> None:
    """Replace every pod that uses the key."""
    turning = Rotation(running=running, namespace=parameters.namespace, credential=OPENAI)
    turning.read()
    turning.roll_out()
    running.remember(rolled_out_at=running.now().isoformat())


def await_quiet(running: Running, _parameters: OpenAIKeyParameters) -> None:
    """Wait until nobody has used the old key for a while.

    Raises:
        Refused: somebody still uses it after a quarter of an hour.
    """
    key_id = str(running.memory.get("old_key_id", ""))
    if not key_id:
        running.changed("runbooks.rotate_openai_key.unknown_old")
        return
    begun = running.now()
    quiet = timedelta(seconds=settings().openai_key_quiet_s)
    since = datetime.fromisoformat(str(running.memory["rolled_out_at"]))
    while (key := _patiently(running, lambda: _old_key(key_id))) is not None:
        used_at = key.last_used_at
        if used_at is not None:
            # The vendor tells the second in which it was used, not the end of it.
            since = max(since, used_at + timedelta(seconds=1))
        if running.now() - since >= quiet:
            _tell_quiet(running, used_at)
            return
        if running.now() - begun > LONGEST_QUIET:
            raise Refused(reason="openai_key_in_use", at=since)
        running.wait(_LOOK_S)


def withdraw(running: Running, parameters: OpenAIKeyParameters) -> None:
    """Delete the old key at the provider, which cannot be taken back.

    Raises:
        Refused: the Secret holds it again, so it is the one in use.
    """
    key_id = str(running.memory.get("old_key_id", ""))
    if key_id:
        _require_unused(running, parameters, key_id)
        _patiently(running, lambda: openai_admin.delete_key(key_id))
        _tell_withdrawn(running, key_id)
        running.remember(old_key_id="")
    kept_secrets.drop(running)


def clean_up(running: Running, parameters: OpenAIKeyParameters) -> None:
    """Leave nothing of a rotation that ends early but what is in use, and say what stays valid."""
    memory = running.memory
    if memory.get("rolled_out_at"):
        _tell_valid(running, "old_key_id")
        return
    if memory.get("is_writing"):
        old = kept_secrets.recall(running, _OLD)
        turning = Rotation(running=running, namespace=parameters.namespace, credential=OPENAI)
        turning.restore({KEY: old} if old else None)
        if not memory.get("is_put_back"):
            # Pods may use either, so neither is withdrawn.
            _tell_valid(running, "new_key_id" if old else "old_key_id")
            return
    _withdraw_new(running)
    kept_secrets.drop(running)
    if parameters.new_key:
        run_inputs.discard(running.actor, running.kubernetes, parameters.new_key)


def _tell_valid(running: Running, noted: str) -> None:
    if key_id := str(running.memory.get(noted, "")):
        running.changed("runbooks.rotate_openai_key.still_valid", id=key_id)


def _tell_withdrawn(running: Running, key_id: str) -> None:
    running.changed("runbooks.rotate_openai_key.withdrawn", id=key_id, at=running.now())


def _require_unused(running: Running, parameters: OpenAIKeyParameters, key_id: str) -> None:
    """Let through while the Secret holds another key: somebody may have written the old one back meanwhile."""
    turning = Rotation(running=running, namespace=parameters.namespace, credential=OPENAI)
    present = turning.read()[0].get(KEY, "")
    key = _patiently(running, lambda: _old_key(key_id))
    if key is not None and key.can_be(present):
        running.remember(old_key_id="")  # nobody is to be told to withdraw it
        raise Refused(reason="openai_key_in_secret", id=key_id)


def _patiently(running: Running, ask: Callable[[], T]) -> T:
    return rotation.patiently(running, ask, "runbooks.rotate_openai_key.provider_away")


def _new_key(running: Running, parameters: OpenAIKeyParameters) -> str:
    """The new key: as this process knows it, as it stands in the Secret already, as it was pasted, or a fresh one."""
    known = kept_secrets.recall(running, _NEW)
    if known is not None:
        return known
    if running.memory.get("is_written"):
        turning = Rotation(running=running, namespace=parameters.namespace, credential=OPENAI)
        return kept_secrets.keep(running, _NEW, turning.read()[0][KEY])
    if parameters.new_key:
        asker = running.run.requester_id
        value = run_inputs.read(running.actor, running.kubernetes, parameters.new_key, asker)
        return kept_secrets.keep(running, _NEW, value)
    if running.memory.get("is_making") and (present := _key_in_use(running, parameters)):
        return kept_secrets.keep(running, _NEW, present)
    running.remember(is_making=True)
    made = _made_key(running)
    running.remember(new_key_id=made.id)
    running.changed("runbooks.rotate_openai_key.made", id=made.id, at=running.now())
    return kept_secrets.keep(running, _NEW, made.value)


def _made_key(running: Running) -> openai_admin.NewKey:
    try:
        return openai_admin.create_key(_name_for(running))
    except Unavailable:
        running.changed("runbooks.rotate_openai_key.perhaps_made", name=_name_for(running))
        raise


def _key_in_use(running: Running, parameters: OpenAIKeyParameters) -> str:
    """The key of this run that stands in the Secret already; empty where none does.

    A process that died may have made a key without noting it, or written one. One that nobody uses is withdrawn.
    """
    present = Rotation(running=running, namespace=parameters.namespace, credential=OPENAI).read()[0][KEY]
    in_use = ""
    for key in openai_admin.project_keys():
        if key.name != _name_for(running):
            continue
        if key.can_be(present):
            running.remember(new_key_id=key.id, is_writing=True)
            in_use = present
        else:
            openai_admin.delete_key(key.id)
            _tell_withdrawn(running, key.id)
    return in_use


def _name_for(running: Running) -> str:
    return f"docuchat {running.run.id}"


def _withdraw_new(running: Running) -> None:
    """Withdraw the key that was made for this run and is not used; where that is not possible, say so."""
    made = str(running.memory.get("new_key_id", ""))
    if not made:
        return
    try:
        openai_admin.delete_key(made)
    except AppError:
        running.changed("runbooks.rotate_openai_key.still_valid", id=made)
    else:
        _tell_withdrawn(running, made)
        running.remember(new_key_id="")


def _note_old(running: Running, old: str) -> None:
    """Note the id of the old key, if exactly one key of the provider's list can be it."""
    if "old_key_id" in running.memory:
        return
    fits: list[str] = []
    if openai_admin.is_configured():
        try:
            fits = [key.id for key in openai_admin.project_keys() if key.can_be(old)]
        except Refused:
            running.log("runbooks.rotate_openai_key.no_admin")
    running.remember(old_key_id=fits[0] if len(fits) == 1 else "")


def _old_key(key_id: str) -> openai_admin.ListedKey | None:
    """The old key as the provider lists it; None when it is gone."""
    try:
        return openai_admin.key_with_id(key_id)
    except NotFound:
        return None


def _tell_quiet(running: Running, used_at: datetime | None) -> None:
    if used_at is None:
        running.changed("runbooks.rotate_openai_key.never_used")
    else:
        running.changed("runbooks.rotate_openai_key.quiet", at=used_at)


def _require_layout(values: object) -> None:
    if not isinstance(values, dict) or not values.get(KEY):
        raise Refused(reason="openai_layout")


def _needs(parameters: OpenAIKeyParameters) -> tuple[Need, ...]:
    return OPENAI.needs(parameters.namespace)


ACTION = Action(
    name="rotate_openai_key",
    risk=Risk.DESTRUCTIVE,
    parameters=OpenAIKeyParameters,
    choices={"namespace": rotation.namespaces},
    targets=lambda parameters: OPENAI.targets(parameters.namespace),
    needs=_needs,
    plan=plan,
    steps=(
        Step(name="obtain", run=obtain),
        Step(name="test_key", run=test_key),
        Step(name="write", run=write),
        Step(name="roll_out", run=roll_out),
        Step(name="await_quiet", run=await_quiet),
        Step(name="withdraw", run=withdraw, is_cancellable=False),
    ),
    deadline_s=int(rotation.ROLLOUT_S + LONGEST_QUIET.total_seconds()) + 300,
    clean_up=clean_up,
)
