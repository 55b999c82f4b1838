"""Use cases of runs that replace pods: the workloads that use a Secret, their restart, and its rollout."""

from collections.abc import Collection, Mapping

from backend import clock
from backend.actor import Actor, require_process
from backend.clients.kubernetes import Kubernetes
from backend.clients.kubernetes_calls import ObjectPlace
from backend.clients.kubernetes_objects import (
    DaemonSetObject,
    DeploymentObject,
    PodSpecObject,
    StatefulSetObject,
)
from backend.deploys.from_cluster import to_workload
from backend.deploys.rollout_types import SecretUser
from backend.deploys.rollouts import Rollouts
from backend.deploys.rules import kubectl_status
from backend.errors import Conflict

# The controllers write an object's status all the time, and each write is another version.
_TRIES = 20


def users_of_secret(actor: Actor, kubernetes: Kubernetes, namespace: str, secret: str) -> list[SecretUser]:
    """The workloads whose pods read a Secret, by their names."""
    require_process(actor)
    found: list[DeploymentObject | StatefulSetObject | DaemonSetObject] = [
        *kubernetes.run(kubernetes.list_objects(DeploymentObject, namespace)).items,
        *kubernetes.run(kubernetes.list_objects(StatefulSetObject, namespace)).items,
        *kubernetes.run(kubernetes.list_objects(DaemonSetObject, namespace)).items,
    ]
    users = [_to_user(one) for one in found if secret in _secrets_of(one)]
    return sorted(users, key=lambda user: user.name)


def restart(actor: Actor, kubernetes: Kubernetes, at: ObjectPlace, generations: Collection[int]) -> int:
    """Have all pods of a Deployment replaced; its generation afterwards. Without ``generations`` any is taken.

    Raises:
        Conflict: somebody changed it since it had one of these generations.
    """
    require_process(actor)
    for _ in range(_TRIES):
        seen = kubernetes.run(kubernetes.get_object(DeploymentObject, at))
        if generations and seen.metadata.generation not in generations:
            raise Conflict(reason="workload_changed", workload=at.name)
        version = seen.metadata.resourceVersion
        try:
            done = kubernetes.run(
                kubernetes.restart(DeploymentObject, at, clock.utc_now(), version=version, dry_run=False)
            )
        except Conflict:
            continue
        return done.metadata.generation
    raise Conflict(reason="workload_changed", workload=at.name)


def follow_rollouts(
    actor: Actor, kubernetes: Kubernetes, namespace: str, generations: Mapping[str, int]
) -> Rollouts:
    """The rollouts of Deployments, each from this generation on."""
    require_process(actor)
    return Rollouts(kubernetes, namespace, generations)


def _to_user(found: DeploymentObject | StatefulSetObject | DaemonSetObject) -> SecretUser:
    workload = to_workload(found)
    return SecretUser(
        kind=workload.id.kind,
        name=workload.id.name,
        uid=workload.uid,
        generation=workload.generation,
        replicas=1 if workload.replicas is None else workload.replicas,
        is_settled=not workload.is_paused and kubectl_status(workload).is_done,
    )


def _secrets_of(found: DeploymentObject | StatefulSetObject | DaemonSetObject) -> set[str]:
    template = found.spec.template if found.spec else None
    pod = (template.spec if template else None) or PodSpecObject()
    containers = [*(pod.containers or ()), *(pod.init_containers or ())]
    variables = [one.value_from for container in containers for one in container.env or ()]
    sources = [one.secret_ref for container in containers for one in container.env_from or ()]
    named = {one.secret_key_ref.name for one in variables if one and one.secret_key_ref}
    mounted = {one.secret.secret_name for one in pod.volumes or () if one.secret}
    return named | mounted | {one.name for one in sources if one}
