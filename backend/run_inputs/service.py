"""Use cases of secrets that people give to runs.

A secret goes from the form straight into a Secret of the runbook namespace. The web's account may create there and
read nothing; the runner's may get and delete; the jobs' may delete. The database knows the name alone, so nobody has
to list Secrets, which would show them.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from backend import clock
from backend.actor import OPERATOR_ROLES, Actor, UserId, require_process, require_role
from backend.audit import service as audit
from backend.clients.kubernetes import Kubernetes, connect
from backend.clients.kubernetes_calls import ObjectPlace
from backend.config import settings
from backend.db.engine import transaction
from backend.errors import AppError, NotFound
from backend.log import get_logger
from backend.run_inputs import repository, rules

log = get_logger(__name__)

KEY = "value"
LABELS = {"app.kubernetes.io/managed-by": "docuchat-portal", "app.kubernetes.io/component": "run-input"}


def keep(actor: Actor, value: str) -> str:
    """Put a secret where only a run finds it; the name to ask for a run with. For operators.

    Raises:
        Invalid: it is too short, too long, or no key, token or password.
        Refused: Kubernetes is not configured, or this account may not create Secrets there.
        Unavailable: the API server does not answer; nothing is kept.
    """
    require_role(actor, *OPERATOR_ROLES)
    assert actor.user_id is not None  # only a process has none
    secret = rules.checked_secret(value)
    name = f"run-input-{secrets.token_hex(12)}"
    # First the name: what is made in the cluster and never used is found by it.
    with transaction():
        repository.insert_name(name, actor.user_id, clock.utc_now())
        audit.record(actor, "run_input_given", f"run_input:{name}")
    with _cluster() as kubernetes:
        kubernetes.run(kubernetes.create_secret(_place(kubernetes, name), {KEY: secret}, labels=LABELS))
    return name


def read(actor: Actor, kubernetes: Kubernetes, name: str, asker: UserId | None) -> str:
    """The secret that the person who asked for a run gave. For processes; register it before it is used.

    Raises:
        NotFound: it was used or deleted, or somebody else gave it.
    """
    require_process(actor)
    if not rules.is_name(name) or asker is None or repository.giver_of(name) != asker:
        raise NotFound(reason="run_input")
    try:
        found = kubernetes.run(kubernetes.read_secret(_place(kubernetes, name)))
    except NotFound:
        raise NotFound(reason="run_input") from None
    return found[KEY]


def discard(actor: Actor, kubernetes: Kubernetes, name: str) -> None:
    """Delete a secret that was used. For processes. Idempotent."""
    require_process(actor)
    if rules.is_name(name):
        kubernetes.run(kubernetes.delete_secret(_place(kubernetes, name)))
        repository.delete_name(name)


def discard_unused(actor: Actor) -> int:
    """Delete the secrets that no run used within an hour; how many. For processes. Idempotent."""
    require_process(actor)
    names = repository.names_before(clock.utc_now() - rules.KEPT)
    if not names:
        return 0
    discarded = 0
    with _cluster() as kubernetes:
        for name in names:
            try:
                discard(actor, kubernetes, name)
                discarded += 1
            except AppError as error:
                log.warning("run_input.not_deleted", name=name, cause=error.reason_key)
    return discarded


@contextmanager
def _cluster() -> Iterator[Kubernetes]:
    kubernetes = connect(settings().kubeconfig, settings().kubernetes_timeout_s)
    try:
        yield kubernetes
    finally:
        kubernetes.close()


def _place(kubernetes: Kubernetes, name: str) -> ObjectPlace:
    namespace = settings().runbook_namespace or f"{kubernetes.namespace}-runbooks"
    return ObjectPlace(namespace=namespace, name=name)
