"""The common part of rotations: a Secret, the workloads that use it, their rollout under watch, and the way back.

Pods read their environment when they start, so another value of a Secret counts when every pod was replaced. Two
rollouts mix old and new pods all the while; each rotation says why that hurts nobody.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from backend.clients.kubernetes_calls import ObjectPlace
from backend.config import settings
from backend.deploys import service as deploys
from backend.deploys.rollout_types import RolloutProgress, SecretUser
from backend.deploys.rollouts import Rollouts
from backend.deploys.types import WorkloadKind
from backend.errors import AppError, Conflict, Refused, Unavailable
from backend.runbooks.types import Plan, PlannedChange, Words
from backend.runbooks.words_rules import outcome_of
from runbooks.action import Need, ParameterChoice
from runbooks.context import Planning, RunCancelled, RunLate, Running

ROLLOUT_S = 600.0
"""The default of ``progressDeadlineSeconds``: later the cluster itself calls a rollout failed."""
STUCK_S = 5.0
"""A container may fail once while it starts; one that still fails after this time does not start by itself."""
WATCH_S = 1.0
AGAIN_S = 1.0
PATIENCE_S = 180.0
T = TypeVar("T")
INTERRUPTIONS = (AppError, RunCancelled, RunLate)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotatedSecret:
    """A Secret of DocuChat, and the Deployments that read it. Another workload that reads it stops a rotation.

    The ``public`` keys of the Secret are names and times.
    """

    secret: str
    workloads: tuple[str, ...]
    public: frozenset[str] = frozenset()

    def targets(self, namespace: str) -> tuple[str, ...]:
        """The locks of a rotation."""
        deployments = tuple(f"deploy:{namespace}/{name}" for name in self.workloads)
        return (f"secret:{namespace}/{self.secret}", *deployments)

    def needs(self, namespace: str) -> tuple[Need, ...]:
        """The permissions of a rotation. ``patch`` on a Secret answers with it, so there is no need of ``get``."""
        return (
            Need(verb="patch", resource="secrets", namespace=namespace, name=self.secret),
            *(
                Need(verb=verb, group="apps", resource="deployments", namespace=namespace, name=name)
                for name in self.workloads
                for verb in ("get", "patch")
            ),
            *(
                Need(verb=verb, group="apps", resource=kind, namespace=namespace)
                for kind in ("deployments", "replicasets", "statefulsets", "daemonsets")
                for verb in (("list", "watch") if kind == "deployments" else ("list",))
            ),
            Need(verb="list", resource="pods", namespace=namespace),
        )


def patiently(running: Running, work: Callable[[], T], told: str = "runbooks.rotation.waits") -> T:
    """The result of work that does no harm when it is done again, however long who is asked is away.

    ``told`` is said once. Raises Unavailable after the patience.
    """
    until, is_told = time.monotonic() + PATIENCE_S, False
    while True:
        try:
            return work()
        except Unavailable:
            if time.monotonic() > until:
                raise
        if not is_told:
            running.log(told)
            is_told = True
        running.wait(AGAIN_S)


@contextmanager
def unwritten_if_refused(running: Running) -> Iterator[None]:
    """Note that the Secret has the old value still, should the block be refused. After silence nobody knows."""
    try:
        yield
    except (Conflict, Refused):
        running.remember(is_writing=False)
        raise


def namespaces(planning: Planning, _given: Mapping[str, str]) -> Sequence[ParameterChoice]:
    """The namespaces in which DocuChat may be."""
    known = settings().namespaces_of_cluster or (planning.kubernetes.namespace,)
    return [ParameterChoice(value=name, is_suggested=name == known[0]) for name in known]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretStanding:
    """Source of a plan: the workloads that read the Secret, its values and its version."""

    users: tuple[SecretUser, ...]
    values: Mapping[str, str] = field(repr=False)
    version: str


def look(planning: Planning, namespace: str, credential: RotatedSecret) -> SecretStanding:
    """Read what a rotation would change.

    Raises:
        Refused: nothing uses the Secret, something uses it that this action does not know, or a rollout is under way.
    """
    kubernetes = planning.kubernetes
    users = deploys.users_of_secret(planning.actor, kubernetes, namespace, credential.secret)
    if not users:
        raise Refused(reason="rotation_no_user", secret=credential.secret)
    for user in users:
        if user.kind is not WorkloadKind.DEPLOYMENT or user.name not in credential.workloads:
            raise Refused(reason="rotation_unknown_user", workload=user.name, secret=credential.secret)
        if not user.is_settled:
            raise Refused(reason="rotation_unsettled", workload=user.name)
    at = ObjectPlace(namespace=namespace, name=credential.secret)
    values, version = kubernetes.run(kubernetes.patched_secret(at))
    return SecretStanding(users=tuple(users), values=values, version=version)


def plan_of(
    namespace: str,
    credential: RotatedSecret,
    found: SecretStanding,
    *,
    changes: tuple[PlannedChange, ...],
    notes: tuple[Words, ...] = (),
    rollouts: int = 1,
) -> Plan:
    """The plan of a rotation: its changes, then each workload whose pods are replaced, and so many times."""
    replaced = tuple(
        PlannedChange(
            what=Words(key="runbooks.rotation.pods_of", values={"workload": user.name}),
            before=f"{user.replicas}",
            after=f"{user.replicas} × {rollouts}",
        )
        for user in found.users
    )
    versions = {f"deployments/{user.name}": f"{user.uid}:{user.generation}" for user in found.users}
    commands = tuple(f"kubectl -n {namespace} rollout restart deployment/{user.name}" for user in found.users)
    return Plan(
        changes=(*changes, *replaced),
        versions={**versions, f"secrets/{credential.secret}": found.version},
        notes=notes,
        commands=(f"kubectl -n {namespace} patch secret {credential.secret} --patch-file -", *commands),
        confirmation=credential.secret,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """A rotation at work."""

    running: Running
    namespace: str
    credential: RotatedSecret
    _refusals: list[AppError] = field(default_factory=list, init=False, repr=False)

    @property
    def place(self) -> ObjectPlace:
        """The Secret."""
        return ObjectPlace(namespace=self.namespace, name=self.credential.secret)

    def read(self) -> tuple[dict[str, str], str]:
        """The Secret's values and its version. No line of the log will show a value."""
        kubernetes = self.running.kubernetes
        values, version = self._patiently(lambda: kubernetes.run(kubernetes.patched_secret(self.place)))
        for name, value in values.items():
            if name not in self.credential.public:
                self.running.secret(value)
        return values, version

    def write(self, values: Mapping[str, str], version: str = "") -> None:
        """Write values into the Secret, if it still has this version; note its version afterwards.

        Raises:
            Conflict: somebody else wrote it meanwhile; nothing was written.
        """
        try:
            written = self._patiently(lambda: self._written(values, version))
        except Refused as refusal:  # a conflict, too
            self._refusals.append(refusal)
            raise
        self.running.remember(secret_version=written)
        names = ", ".join(sorted(values))
        self.running.log("runbooks.rotation.written", secret=self.credential.secret, keys=names)

    def roll_out(self) -> None:
        """Replace every pod that uses the Secret, and follow it until the last old one is gone.

        Records the fewest pods that were available at any time.

        Raises:
            Refused: new pods do not start, or it takes too long.
            Conflict: somebody changed a workload meanwhile.
        """
        begun = time.monotonic()
        rollouts = deploys.follow_rollouts(
            self.running.actor, self.running.kubernetes, self.namespace, self._restart()
        )
        stuck_since: dict[str, float] = {}
        words: dict[str, str] = {}
        while True:
            self.running.check()
            progress = self._advance(rollouts, begun)
            self._tell(progress, words)
            if progress and all(each.is_done for each in progress):
                break
            _raise_if_stuck(progress, stuck_since, begun)
        for each in progress:
            self._record(each, round(time.monotonic() - begun))

    @contextmanager
    def put_back(self, old: Mapping[str, str] | None) -> Iterator[None]:
        """Should the block fail or be cancelled, write the old values back, and replace the pods again.

        Without old values, because another process knew them, it is said that nothing can be put back. A block whose
        write was refused changed nothing, so there is nothing to put back, and what somebody else wrote stays.
        """
        try:
            yield
        except INTERRUPTIONS as interruption:
            if any(interruption is refusal for refusal in self._refusals):
                raise
            with self.running.mending(goes_on_after=True):
                self.restore(old)
            raise

    def restore(self, old: Mapping[str, str] | None) -> None:
        """Write the old values back, and replace the pods again; say how far that came."""
        if old is None:
            self.running.changed("runbooks.rotation.not_put_back", secret=self.credential.secret)
            return
        try:
            self.write(old)
            self.running.changed("runbooks.rotation.put_back", secret=self.credential.secret)
            self.roll_out()
            self.running.remember(is_put_back=True)
        except AppError as wrong:
            self.running.changed("runbooks.rotation.put_back_failed")
            why = outcome_of(wrong)
            self.running.changed(why.key, **why.values)

    def _restart(self) -> dict[str, int]:
        """Restart every user of the Secret; the generation of each afterwards.

        The first restart of each is bound to the plan. Later ones follow the workload, which an autoscaler may change.
        """
        running, planned = self.running, self._planned_generations()
        known = running.memory.get("restarted")
        restarted = [str(name) for name in known] if isinstance(known, list) else []
        users = self._patiently(
            lambda: deploys.users_of_secret(
                running.actor, running.kubernetes, self.namespace, self.credential.secret
            )
        )
        generations = {}
        for user in users:
            # Noted first: a process that dies in between finds one generation more, and it is its own.
            bound = () if user.name in restarted or user.name not in planned else (planned[user.name],)
            if bound:
                restarted.append(user.name)
                running.remember(restarted=[*restarted])
            generations[user.name] = self._restarted(user.name, bound)
            running.log("runbooks.rotation.restarted", workload=user.name)
        return generations

    def _restarted(self, name: str, bound: Collection[int]) -> int:
        """Restart a workload; its generation afterwards. After silence it may have been restarted, so once more."""
        running, at = self.running, ObjectPlace(namespace=self.namespace, name=name)
        try:
            return deploys.restart(running.actor, running.kubernetes, at, bound)
        except Unavailable:
            return self._patiently(lambda: deploys.restart(running.actor, running.kubernetes, at, ()))

    def _written(self, values: Mapping[str, str], version: str) -> str:
        """Write values, unless they stand there already: after silence nobody knows. The version afterwards."""
        kubernetes = self.running.kubernetes
        present, seen = kubernetes.run(kubernetes.patched_secret(self.place))
        if all(present.get(name) == value for name, value in values.items()):
            return seen
        wanted = version or seen
        return kubernetes.run(kubernetes.patch_secret(self.place, values, version=wanted, dry_run=False))

    def _patiently(self, work: Callable[[], T]) -> T:
        return patiently(self.running, work)

    def _planned_generations(self) -> dict[str, int]:
        plan = self.running.run.plan
        return {
            key.removeprefix("deployments/"): int(version.rpartition(":")[2])
            for key, version in (plan.versions.items() if plan else ())
            if key.startswith("deployments/")
        }

    def _advance(self, rollouts: Rollouts, begun: float) -> list[RolloutProgress]:
        """The rollouts a moment later; nothing while the API server is away, which stops no rollout."""
        try:
            return rollouts.advance(WATCH_S)
        except Unavailable:
            if time.monotonic() - begun > ROLLOUT_S:
                raise
            self.running.log("runbooks.rotation.waits")
            self.running.wait(AGAIN_S)
            return []

    def _tell(self, progress: Sequence[RolloutProgress], told: dict[str, str]) -> None:
        for each in progress:
            if each.words and told.get(each.name) != each.words:
                told[each.name] = each.words
                self.running.output(each.words)

    def _record(self, done: RolloutProgress, took_s: int) -> None:
        self.running.changed(
            "runbooks.rotation.rolled_out",
            workload=done.name,
            least=done.least_available,
            wanted=done.wanted,
            seconds=took_s,
        )
        known = self.running.memory.get("least_available")
        least = dict(known) if isinstance(known, dict) else {}
        before = least.get(done.name)
        least[done.name] = (
            min(done.least_available, before) if isinstance(before, int) else done.least_available
        )
        self.running.remember(least_available=least)


def _raise_if_stuck(progress: Sequence[RolloutProgress], since: dict[str, float], begun: float) -> None:
    now = time.monotonic()
    for each in progress:
        if not each.failure:
            since.pop(each.name, None)
        elif now - since.setdefault(each.name, now) >= STUCK_S:
            raise Refused(reason="rotation_rollout", workload=each.name, words=each.failure)
    if now - begun > ROLLOUT_S:
        slow = next((each.name for each in progress if not each.is_done), "")
        raise Refused(reason="rotation_slow", workload=slow)
