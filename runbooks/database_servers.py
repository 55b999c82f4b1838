"""The common part of restores and of actions on the database's server: its names, patience, moving everybody, proof."""

import time
from collections.abc import Callable
from typing import TypeVar

from backend.actor import Actor
from backend.audit.types import Plain
from backend.backups import service as backups
from backend.backups.types import ServerMove
from backend.clients.kubernetes import Kubernetes
from backend.config import settings
from backend.deploys import service as deploys
from backend.deploys.database_server_types import DatabaseServer, LiveServer
from backend.errors import NotFound, Refused, Unavailable
from backend.runbooks.types import RunbookRun, RunId
from runbooks.context import RunLate, Running

AGAIN_S = 1.0
_FAILED = "proof_failed"
T = TypeVar("T")


def names() -> tuple[str, str]:
    """The namespace of the database's server and the name of its Service; both empty where they are not set."""
    home, _, name = settings().database_stateful_set.partition("/")
    return home, settings().database_service or name


def short(run: RunbookRun) -> str:
    """A run by eight hexadecimal digits, as names of objects hold it."""
    return short_of(run.id)


def short_of(run_id: RunId) -> str:
    """A run's number by eight hexadecimal digits."""
    return run_id.hex[:8]


def cluster_patiently(running: Running, ask: Callable[[], T]) -> T:
    """The cluster's answer, as soon as it gives one. Raises RunLate when the run's time is over."""
    is_told = False
    while True:
        try:
            return ask()
        except Unavailable as lost:
            if lost.data.get("service") != "kubernetes":
                raise
        if not is_told:
            running.log("runbooks.rollout.no_answer")
        is_told = True
        _wait(running)


def prove(running: Running, go_back: Callable[[], None]) -> None:
    """Let pass when the restored database works; else go back to the one before, and say how the proof failed.

    A run that goes on goes back, too: it does not prove the database before, to which its last process went back.

    Raises:
        Refused: it does not work.
    """
    try:
        entries = _proven(running)
    except Refused as refused:  # a server that is away for a moment proves nothing
        with running.mending(goes_on=True):
            running.remember(**{_FAILED: _told(refused)})
            go_back()
        raise
    running.log("runbooks.restore_database.proved", entries=entries)


def _told(refused: Refused) -> dict[str, Plain]:
    """The parts of a refusal, as the memory of a run can hold them."""
    return {name: value if isinstance(value, int) else str(value) for name, value in refused.data.items()}


def _proven(running: Running) -> int:
    told = running.memory.get(_FAILED)
    if isinstance(told, dict):
        raise Refused(**{name: value for name, value in told.items() if isinstance(value, str | int)})
    if told is not None:  # by a process of an earlier version, which noted a word
        raise Refused(reason="smoke_test_failed")
    return backups.smoke_test(running.actor)


def is_led_to(running: Running, server: DatabaseServer) -> bool:
    """Whether the database's Service leads to a server."""
    found = cluster_patiently(running, lambda: deploys.server_led_to(running.actor, running.kubernetes))
    return found == server.pod


def versions(
    actor: Actor, kubernetes: Kubernetes, live: LiveServer, *others: DatabaseServer
) -> dict[str, str]:
    """The versions that a plan binds: of the server that everybody is led to, of its database, and of other servers.

    Raises:
        NotFound: a server has no claim any more.
    """
    found = {f"services/{live.service}": live.service_identity}
    for server in (live.server, *others):
        found[f"statefulsets/{server.name}"] = server.identity
        found[f"persistentvolumeclaims/{server.claim}"] = deploys.claim_identity(actor, kubernetes, server)
    return found | {f"database/{settings().database_name}": backups.live_version(actor)}


def require_planned(running: Running, *others: str) -> None:
    """Let pass while the live server is the one that the run's plan was made for, and so are others.

    A run that goes on makes no new plan; and a restore takes its time, in which somebody may change the live server.

    Raises:
        Refused: something was changed or replaced meanwhile.
    """
    actor, kubernetes = running.actor, running.kubernetes
    assert running.run.plan is not None
    planned = running.run.plan.versions
    try:
        servers = [deploys.named_server(actor, kubernetes, name) for name in others]
        now = versions(actor, kubernetes, deploys.database_server(actor, kubernetes), *servers)
    except NotFound as gone:
        raise Refused(reason="snapshot_live_differs", what=str(gone.data.get("name", "–"))) from None
    # A run that was planned before its version was deployed may bind less.
    if differing := [name for name, version in now.items() if planned.get(name, version) != version]:
        raise Refused(reason="snapshot_live_differs", what=", ".join(differing))


def move_all(
    running: Running,
    source: DatabaseServer,
    target: DatabaseServer,
    move: ServerMove,
    require: Callable[[], None] = lambda: None,
) -> int | None:
    """Lead everybody from one server to another one, and close the first.

    Returns the milliseconds in which the database refused; None where a process before had led everybody there, and
    the time is not known. A cluster or a database that does not answer is waited for: so long everybody stays. Before
    each try ``require`` may raise.
    """
    while not is_led_to(running, target):
        try:
            require()
            # Nobody is shut out for a question that the cluster cannot answer.
            deploys.lead_to_server(running.actor, running.kubernetes, source, target, dry_run=True)
            return backups.leave_server(
                running.actor,
                move,
                lambda: deploys.lead_to_server(running.actor, running.kubernetes, source, target),
            )
        except Unavailable as lost:
            running.log(
                "runbooks.rollout.no_answer"
                if lost.data.get("service") == "kubernetes"
                else "runbooks.restore_from_snapshot.server_silent"
            )
            _wait(running)
    if not backups.close_server(running.actor, move):
        running.changed("runbooks.restore_from_snapshot.left_behind", server=source.name)
    return None


def _wait(running: Running) -> None:
    """Wait a moment. A step that cannot be cancelled has its time, too."""
    if time.monotonic() > running.until:
        raise RunLate
    running.wait(AGAIN_S)
