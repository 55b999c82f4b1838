"""Waking up: Alertmanager's message is not believed, it only says that it is worth looking now."""

from contextvars import Context
from threading import Event, Lock, Thread

from backend.actor import Actor, require_process
from backend.alerts import reconcile_service
from backend.errors import AppError
from backend.log import get_logger

NAME = "wake_alerts"
# What Alertmanager was told shows in its API after up to 0.3 s; and messages often come in twos and threes.
PAUSE_S = 0.5

log = get_logger(__name__)


class _Waker:
    """Reconciles in a thread of its own, one at a time; a call meanwhile means one more time, however many call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_running = False
        self._is_wanted = False

    def wake(self, actor: Actor) -> None:
        with self._lock:
            self._is_wanted = True
            if self._is_running:
                return
            self._is_running = True
        # A fresh context: the caller's has its place among the connections, and gives it back.
        Thread(target=Context().run, args=(self._run, actor), name=NAME, daemon=True).start()

    def _run(self, actor: Actor) -> None:
        has_ended = False
        try:
            while self._is_asked_for():
                Event().wait(PAUSE_S)
                _look(actor)
            has_ended = True
        finally:
            if not has_ended:
                # A bug ended this thread; the next call starts another.
                with self._lock:
                    self._is_running = False

    def _is_asked_for(self) -> bool:
        with self._lock:
            is_wanted, self._is_wanted = self._is_wanted, False
            self._is_running = is_wanted
            return is_wanted


def _look(actor: Actor) -> None:
    try:
        reconcile_service.reconcile(actor)
    except AppError as error:  # the job looks again within half a minute
        log.warning("alerts.wake_failed", cause=error.reason_key)


_waker = _Waker()


def wake(actor: Actor) -> None:
    """Reconcile soon, in the background; returns at once. Calls while one runs add one run. For processes."""
    require_process(actor)
    _waker.wake(actor)


def look_soon() -> None:
    """As ``wake``, after the portal itself has changed something in Alertmanager."""
    _waker.wake(Actor.process_named(NAME))
