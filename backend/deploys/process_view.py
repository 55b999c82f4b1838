"""The view of the cluster of this process: made at the first question, shared by all."""

from collections.abc import Callable
from contextlib import suppress
from threading import Lock

from backend.clients.kubernetes import Kubernetes, connect
from backend.config import settings
from backend.deploys.shared_view import ClusterView
from backend.deploys.types import ClusterChange

Heard = Callable[[ClusterChange], None]

_lock = Lock()
_made: list[tuple[Kubernetes, ClusterView]] = []
_listeners: list[Heard] = []


def client() -> Kubernetes:
    """The client of this process.

    Raises:
        Refused: Kubernetes is not configured, or the kubeconfig cannot be used.
    """
    return _opened()[0]


def view() -> ClusterView:
    """The view of this process; the first call starts it.

    Raises:
        Refused: Kubernetes is not configured, or the kubeconfig cannot be used.
    """
    return _opened()[1]


def _opened() -> tuple[Kubernetes, ClusterView]:
    with _lock:
        if not _made:
            known = settings()
            connected = connect(known.kubeconfig, known.kubernetes_timeout_s)
            started = ClusterView(connected, known.namespaces_of_cluster or (connected.namespace,), _tell)
            started.start()
            _made.append((connected, started))
        return _made[0]


def _tell(change: ClusterChange) -> None:
    for heard in [*_listeners]:
        heard(change)


def listen(heard: Heard) -> Callable[[], None]:
    """Call ``heard`` after each change of the view, also of one that is made later; returns what ends it."""
    _listeners.append(heard)

    def end() -> None:
        with suppress(ValueError):
            _listeners.remove(heard)

    return end


def close() -> None:
    """End the view and forget it; the next question makes another one. Idempotent."""
    with _lock:
        while _made:
            _made.pop()[1].close()
