"""Replace the password with which DocuChat signs in to its database, without refusing one connection.

Facts for the runbook's page: PostgreSQL knows one password of a role, and pools open connections at any time, so a new
password of the same role would refuse every pod that was not replaced yet. Instead two logins
(``DOCUCHAT_DATABASE_LOGINS``) take turns; both are members of the role that owns everything. The idle one gets a fresh
password and is tried, the Secret ``docuchat-database`` gets its name and password, the pods are replaced, and when
``pg_stat_activity`` has shown no session of the other login for ten seconds, that one may sign in no more and its
password is gone. Both logins work all the while.

It needs ``DOCUCHAT_DATABASE_ADMIN_URL``, with a role that may alter both logins, for the process of a run alone. The
portal's own login is another one: a run that signs in with what it rotates is refused. A rollout that fails, or a
cancellation, writes the old login back and shuts the new one. There is no undo: rotating again is one.
"""

import secrets
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from backend.config import settings
from backend.db import login_roles
from backend.errors import AppError, Refused
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from runbooks import kept_secrets, rotation
from runbooks.action import Action, ActionParameters, Step
from runbooks.context import Planning, Running
from runbooks.rotation import RotatedSecret, Rotation

USERNAME, PASSWORD, URL = "username", "password", "url"
DATABASE = RotatedSecret(
    secret="docuchat-database",  # noqa: S106 - its name
    workloads=("docuchat-api", "docuchat-worker", "docuchat-ingest"),
    public=frozenset({USERNAME}),
)
PASSWORD_BYTES = 32
QUIET_S = 10.0
LONGEST_QUIET_S = 900.0
"""A login that still has a session after this time is used by something whose pods were not replaced."""
_LOOK_S = 0.5
_NEW, _OLD = "new", "old"
T = TypeVar("T")


class DatabaseRotationParameters(ActionParameters):
    """The namespace of DocuChat."""

    namespace: str


def plan(planning: Planning, parameters: DatabaseRotationParameters) -> Plan:
    """The login in use and the one that takes its turn.

    Raises:
        Refused: the Secret holds no login of the two, the idle one is in use or may not do the same, or this portal
            signs in with one of them.
    """
    found = rotation.look(planning, parameters.namespace, DATABASE)
    old, new = _logins(found.values.get(USERNAME, ""))
    roles = {name: login_roles.login_role(_admin_url(), name) for name in (old, new)}
    if not roles[new].can_stand_in_for(roles[old]):
        raise Refused(reason="database_logins_differ", old=old, new=new)
    if roles[new].sessions:
        raise Refused(reason="database_idle_in_use", login=new, sessions=roles[new].sessions)
    return rotation.plan_of(
        parameters.namespace,
        DATABASE,
        found,
        changes=(
            PlannedChange(what=Words(key="runbooks.rotate_database_password.login"), before=old, after=new),
        ),
        notes=(
            Words(key="runbooks.rotate_database_password.shuts", values={"login": old}),
            Words(key="runbooks.rotate_database_password.no_undo"),
        ),
    )


def enable(running: Running, parameters: DatabaseRotationParameters) -> None:
    """Give the idle login a fresh password, and sign in with it once."""
    values, _version = _rotation(running, parameters).read()
    old, new = _logins(values[USERNAME])
    running.remember(old_login=old, new_login=new)
    _fresh_password(running, new)


def write(running: Running, parameters: DatabaseRotationParameters) -> None:
    """Write the new login into the Secret."""
    turning = _rotation(running, parameters)
    values, version = turning.read()
    new = str(running.memory["new_login"])
    if values[USERNAME] != new:
        password = kept_secrets.recall(running, _NEW) or _fresh_password(running, new)
        kept_secrets.keep(running, _OLD, values[PASSWORD])
        running.remember(is_writing=True)
        with rotation.unwritten_if_refused(running):
            turning.write(_filled(values, new, password), version)


def roll_out(running: Running, parameters: DatabaseRotationParameters) -> None:
    """Replace every pod that signs in."""
    turning = _rotation(running, parameters)
    turning.read()
    turning.roll_out()
    running.remember(is_rolled_out=True)


def clean_up(running: Running, parameters: DatabaseRotationParameters) -> None:
    """Leave no login open but the one in use, or say which is."""
    memory = running.memory
    if memory.get("is_rolled_out"):
        _tell_open(running, "old_login")
        return
    if memory.get("is_writing"):
        is_known = _put_back(running, parameters)
        if not memory.get("is_put_back"):
            # Pods may use either, so neither is shut.
            _tell_open(running, "new_login" if is_known else "old_login")
            return
    if new := str(memory.get("new_login", "")):
        _shut_new(running, new)
    kept_secrets.drop(running)


def _put_back(running: Running, parameters: DatabaseRotationParameters) -> bool:
    """Write the old login back, if this process knows its password; whether it does."""
    turning = _rotation(running, parameters)
    password = kept_secrets.recall(running, _OLD)
    if password is None:
        turning.restore(None)
        return False
    turning.restore(_filled(turning.read()[0], str(running.memory["old_login"]), password))
    return True


def _tell_open(running: Running, noted: str) -> None:
    if login := str(running.memory.get(noted, "")):
        running.changed("runbooks.rotate_database_password.still_open", login=login)


def _shut_new(running: Running, new: str) -> None:
    try:
        login_roles.disable_login(_admin_url(), new)
    except AppError:
        running.changed("runbooks.rotate_database_password.still_open", login=new)
    else:
        _tell_shut(running, new)


def _tell_shut(running: Running, login: str) -> None:
    running.changed("runbooks.rotate_database_password.shut", login=login, at=running.now())


def await_quiet(running: Running, _parameters: DatabaseRotationParameters) -> None:
    """Wait until the old login has had no session for a while.

    Raises:
        Refused: it still has one after a quarter of an hour.
    """
    old = str(running.memory["old_login"])
    _await_quiet(running, old)
    running.changed("runbooks.rotate_database_password.quiet", login=old)


def _await_quiet(running: Running, old: str) -> None:
    begun = quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_S:
        sessions = _patiently(running, lambda: login_roles.login_role(_admin_url(), old).sessions)
        if sessions:
            quiet_since = time.monotonic()
            if quiet_since - begun > LONGEST_QUIET_S:
                raise Refused(reason="database_old_in_use", login=old, sessions=sessions)
        running.wait(_LOOK_S)


def disable(running: Running, parameters: DatabaseRotationParameters) -> None:
    """Let the old login in no more.

    Raises:
        Refused: the Secret names it again, so it is the one in use.
    """
    if old := str(running.memory["old_login"]):
        _require_unused(running, parameters, old)
        _patiently(running, lambda: login_roles.disable_login(_admin_url(), old))
        _tell_shut(running, old)
        running.remember(old_login="")
    kept_secrets.drop(running)


def _require_unused(running: Running, parameters: DatabaseRotationParameters, login: str) -> None:
    """Let through while the Secret names another login: somebody may have written the old one back meanwhile."""
    if _rotation(running, parameters).read()[0].get(USERNAME) == login:
        running.remember(old_login="")  # nobody is to be told to shut it
        raise Refused(reason="database_login_in_secret", login=login)


def _patiently(running: Running, ask: Callable[[], T]) -> T:
    return rotation.patiently(running, ask, "runbooks.rotate_database_password.away")


def _fresh_password(running: Running, login: str) -> str:
    password = kept_secrets.keep(running, _NEW, secrets.token_urlsafe(PASSWORD_BYTES))
    login_roles.enable_login(_admin_url(), login, password)
    login_roles.try_login(_admin_url(), login, password)
    running.changed("runbooks.rotate_database_password.enabled", login=login)
    return password


def _logins(present: str) -> tuple[str, str]:
    """The login in use and the idle one."""
    logins = settings().docuchat_database_logins.split(",")
    own = urlsplit(settings().database_url.get_secret_value()).username
    if own in logins:
        raise Refused(reason="database_own_login", login=str(own))
    if present not in logins:
        raise Refused(reason="database_layout", logins=", ".join(logins))
    return present, next(name for name in logins if name != present)


def _filled(values: dict[str, str], login: str, password: str) -> dict[str, str]:
    """The keys of the Secret with another login; an address only where there is one."""
    filled = {USERNAME: login, PASSWORD: password}
    if URL in values:
        filled[URL] = login_roles.with_login(values[URL], login, password)
    return filled


def _admin_url() -> str:
    url = settings().docuchat_database_admin_url.get_secret_value()
    if not url:
        raise Refused(reason="database_no_admin")
    return url


def _rotation(running: Running, parameters: DatabaseRotationParameters) -> Rotation:
    return Rotation(running=running, namespace=parameters.namespace, credential=DATABASE)


ACTION = Action(
    name="rotate_database_password",
    risk=Risk.DESTRUCTIVE,
    parameters=DatabaseRotationParameters,
    choices={"namespace": rotation.namespaces},
    targets=lambda parameters: DATABASE.targets(parameters.namespace),
    needs=lambda parameters: DATABASE.needs(parameters.namespace),
    plan=plan,
    steps=(
        Step(name="enable", run=enable),
        Step(name="write", run=write),
        Step(name="roll_out", run=roll_out),
        Step(name="await_quiet", run=await_quiet),
        Step(name="disable", run=disable, is_cancellable=False),
    ),
    deadline_s=int(rotation.ROLLOUT_S + LONGEST_QUIET_S) + 300,
    clean_up=clean_up,
)
