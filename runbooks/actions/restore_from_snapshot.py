"""Restore the database from a snapshot of its volume: a second server beside the live one, then everybody led to it.

Undone by leading everybody back. The volume of the live server is never written to by a restore.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import StringConstraints

from backend.audit.types import Plain
from backend.backups import service as backups
from backend.backups.types import ServerMove
from backend.config import settings
from backend.deploys import service as deploys
from backend.deploys.database_server_types import DatabaseServer, LiveServer, VolumeSnapshot
from backend.errors import NotFound, Refused, Unavailable
from backend.runbooks.types import Plan, PlannedChange, Risk, RunbookRun, Words
from backend.server_address import ServerAddress
from runbooks import books, database_servers
from runbooks.action import Action, ActionParameters, Need, ParameterChoice, Step, Undo
from runbooks.context import Planning, Running
from runbooks.database_servers import cluster_patiently, names, short
from runbooks.patience import patiently

START_S, POLL_S = 900.0, 1.0
UNDO_HOLDS = timedelta(days=7)


class SnapshotParameters(ActionParameters):
    """The snapshot to go back to."""

    snapshot: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]


def _choices(planning: Planning, _given: Mapping[str, str]) -> Sequence[ParameterChoice]:
    return [
        ParameterChoice(
            value=each.name,
            words=_note("choice", at=each.taken_at, size=each.size, claim=each.claim),
        )
        for each in deploys.snapshots(planning.actor, planning.kubernetes)
        if each.is_ready and each.taken_at is not None
    ]


def _plan(planning: Planning, given: SnapshotParameters) -> Plan:
    snapshot = _ready_snapshot(planning, given.snapshot)
    live = deploys.database_server(planning.actor, planning.kubernetes)
    first = _require_ready(live.server)
    deploys.make_second_server(
        planning.actor, planning.kubernetes, first, snapshot.name, _run_of(planning), dry_run=True
    )
    assert snapshot.taken_at is not None
    return Plan(
        changes=(
            PlannedChange(
                what=Words(key="runbooks.restore_from_snapshot.service", values={"service": live.service}),
                before=f"{first.name} ({first.claim})",
                after=snapshot.name,
            ),
        ),
        versions={
            f"volumesnapshots/{snapshot.name}": snapshot.uid,
            **database_servers.versions(planning.actor, planning.kubernetes, live),
        },
        notes=(
            *_notes(planning, snapshot, live),
            *books.notes_of(planning, snapshot.taken_at),
        ),
        commands=_commands(snapshot, live),
        confirmation=settings().database_name,
    )


def _ready_snapshot(planning: Planning, name: str) -> VolumeSnapshot:
    known = {each.name: each for each in deploys.snapshots(planning.actor, planning.kubernetes)}
    found = known.get(name)
    if found is None:
        raise Refused(reason="snapshot_missing", snapshot=name)
    if not found.is_ready:
        raise Refused(reason="snapshot_not_ready", snapshot=name, words=found.error or "–")
    return found


def _require_ready(server: DatabaseServer) -> DatabaseServer:
    if server.address is None:
        raise Refused(reason="database_server_not_ready", name=server.name)
    return server


def _run_of(planning: Planning) -> str:
    return short(planning.run) if planning.run else "00000000"


def _notes(planning: Planning, snapshot: VolumeSnapshot, live: LiveServer) -> list[Words]:
    assert snapshot.taken_at is not None
    hours = round((planning.now - snapshot.taken_at).total_seconds() / 3600)
    refused_ms = backups.longest_refusal_ms(planning.actor)
    return [
        _note("of_snapshot", at=snapshot.taken_at, hours=hours, size=snapshot.size),
        _note("beside", server=live.server.name),
        _note("verified"),
        Words(key="runbooks.restore_database.carried"),
        _note("kept", server=live.server.name, claim=live.server.claim),
        _note("refuses_first") if refused_ms is None else _note("refuses", milliseconds=refused_ms),
    ]


def _commands(snapshot: VolumeSnapshot, live: LiveServer) -> tuple[str, ...]:
    here = f"kubectl -n {live.server.namespace}"
    return (
        f"{here} get volumesnapshot {snapshot.name}",
        f"{here} get statefulset,pvc -l docuchat.example/run",
        f"{here} patch service {live.service} --type=merge --patch-file -",
    )


def _note(key: str, **values: str | int | datetime | None) -> Words:
    told = {name: value for name, value in values.items() if value is not None}
    return Words(key=f"runbooks.restore_from_snapshot.{key}", values=told)


def _create(running: Running, given: SnapshotParameters) -> None:
    if "first" not in running.memory:
        live = cluster_patiently(running, lambda: deploys.database_server(running.actor, running.kubernetes))
        running.remember(first=live.server.name)
    first = _server(running, "first")
    snapshots = cluster_patiently(running, lambda: deploys.snapshots(running.actor, running.kubernetes))
    taken_at = next((each.taken_at for each in snapshots if each.name == given.snapshot), None)
    if taken_at is None:
        raise Refused(reason="snapshot_missing", snapshot=given.snapshot)
    second = cluster_patiently(
        running,
        lambda: deploys.make_second_server(
            running.actor, running.kubernetes, first, given.snapshot, short(running.run), dry_run=False
        ),
    )
    running.remember(second=second.name, taken_at=taken_at.isoformat())
    running.log("runbooks.restore_from_snapshot.created", server=second.name, claim=second.claim)


def _start(running: Running, _given: SnapshotParameters) -> None:
    second, words, since = _server(running, "second"), "", running.now()
    while True:
        now = cluster_patiently(
            running, lambda: deploys.second_server_now(running.actor, running.kubernetes, second)
        )
        if now.address is not None:
            break
        if now.words and now.words != words:
            words = now.words
            running.output(words)
        if (running.now() - since).total_seconds() > START_S:
            raise Refused(reason="second_server_not_ready", name=second.name, words=words or "–")
        running.wait(POLL_S)
    seconds = round((running.now() - since).total_seconds())
    running.log("runbooks.restore_from_snapshot.started", server=second.name, seconds=seconds)


def _verify(running: Running, _given: SnapshotParameters) -> None:
    found = backups.check_server(running.actor, _address(running, "second"))
    running.log(
        "runbooks.restore_from_snapshot.checked",
        rows=found.row_count,
        schema=found.schema,
        entries=found.entries,
    )


def _carry(running: Running, given: SnapshotParameters) -> None:
    rows = backups.carry_to_server(running.actor, _forward(running, given))
    running.log("runbooks.restore_database.carried_over", rows=rows.total)


def _switch(running: Running, given: SnapshotParameters) -> None:
    first, second = _server(running, "first"), _server(running, "second")
    move = _forward(running, given)
    books.remember(running, move.since)
    # Whoever undoes a run that dies right after the switch knows from it that there was one.
    running.remember(switching_at=running.now().isoformat())
    refused_ms = database_servers.move_all(
        running, first, second, move, lambda: database_servers.require_planned(running)
    )
    running.remember(switched_at=running.now().isoformat())
    patiently(lambda: backups.note_move(running.actor, move, refused_ms))
    if refused_ms is not None:
        running.log("runbooks.restore_from_snapshot.refused", milliseconds=refused_ms)
    running.changed(
        "runbooks.restore_from_snapshot.switched", at=move.since, server=second.name, kept=first.name
    )


def _prove(running: Running, _given: SnapshotParameters) -> None:
    def lead_back() -> None:
        _lead_back(running, short(running.run))
        running.changed("runbooks.restore_from_snapshot.led_back")

    database_servers.prove(running, lead_back)


def _lead_back(running: Running, run: str, require: Callable[[], None] = lambda: None) -> None:
    """Lead everybody back to the first server, with what was written since."""
    memory = running.memory if running.undone is None else running.undone.memory
    first, second = _server(running, "first"), _server(running, "second")
    back = ServerMove(
        run=run,
        snapshot="",
        since=_switched_at(memory),
        source=_address(running, "second"),
        target=_address(running, "first"),
        takes_back=short(running.undone or running.run),
    )
    backups.open_server(running.actor, back.target)
    try:
        backups.check_server(running.actor, back.target)
        database_servers.move_all(running, second, first, back, require)
    except BaseException:  # a signal, too: a server that nobody is led to must not take a word
        with running.mending(goes_on=True):
            if not database_servers.is_led_to(running, first):
                backups.shut_server(running.actor, back.target)
        raise
    patiently(lambda: backups.note_moved_back(running.actor, back.takes_back))


def _switched_at(memory: Mapping[str, Plain]) -> datetime:
    """The moment since which everybody is led to the second server, or a moment before where the run died there."""
    return datetime.fromisoformat(str(memory.get("switched_at") or memory["switching_at"]))


def _plan_undo(planning: Planning, _given: SnapshotParameters, done: RunbookRun) -> Plan:
    memory = done.memory
    if not memory.keys() & {"switching_at", "switched_at"}:
        raise Refused(reason="snapshot_not_switched")
    live = deploys.database_server(planning.actor, planning.kubernetes)
    if live.server.name != memory["second"]:
        if "switched_at" not in memory:
            raise Refused(reason="snapshot_not_switched")
        raise Refused(reason="snapshot_undo_moved", server=live.server.name)
    backups.require_newest(planning.actor, short(done), _switched_at(memory))
    try:
        first = deploys.named_server(planning.actor, planning.kubernetes, str(memory["first"]))
        versions = database_servers.versions(planning.actor, planning.kubernetes, live, first)
    except NotFound:
        raise Refused(reason="snapshot_undo_gone", server=str(memory["first"])) from None
    _require_ready(first)
    return Plan(
        changes=(
            PlannedChange(
                what=_note("service", service=live.service), before=live.server.name, after=first.name
            ),
        ),
        versions=versions,
        notes=(
            Words(key="runbooks.restore_database.undo_carries"),
            *books.notes_of(planning, _switched_at(memory)),
        ),
        confirmation=settings().database_name,
    )


def _switch_back(running: Running, _given: SnapshotParameters) -> None:
    assert running.undone is not None
    books.remember(running, _switched_at(running.undone.memory))
    first, second = _server(running, "first"), _server(running, "second")
    _lead_back(running, short(running.run), lambda: database_servers.require_planned(running, first.name))
    running.changed("runbooks.restore_from_snapshot.undone", server=first.name, other=second.name)


def _prove_undone(running: Running, _given: SnapshotParameters) -> None:
    entries = backups.smoke_test(running.actor)
    running.log("runbooks.restore_database.proved", entries=entries)


def _clean_up(running: Running, _given: SnapshotParameters) -> None:
    """Take away the second server and its claim, unless everybody was led to it."""
    if "first" not in running.memory or "switched_at" in running.memory:
        return
    first = _server(running, "first")
    second = first.beside(short(running.run))
    if database_servers.is_led_to(running, second):
        return
    if cluster_patiently(
        running,
        lambda: deploys.drop_second_server(running.actor, running.kubernetes, second, short(running.run)),
    ):
        running.changed("runbooks.restore_from_snapshot.cleaned_up", server=second.name)


def _server(running: Running, which: str) -> DatabaseServer:
    """The first or the second server of this run, or of the run that it undoes, as it is now."""
    memory = running.memory if running.undone is None else running.undone.memory
    return cluster_patiently(
        running, lambda: deploys.named_server(running.actor, running.kubernetes, str(memory[which]))
    )


def _address(running: Running, which: str) -> ServerAddress:
    """Its address. Raises Unavailable while it is not ready: it may be starting again."""
    found = _server(running, which).address
    if found is None:
        raise Unavailable(service="database")
    return found


def _forward(running: Running, given: SnapshotParameters) -> ServerMove:
    return ServerMove(
        run=short(running.run),
        snapshot=given.snapshot,
        since=datetime.fromisoformat(str(running.memory["taken_at"])).astimezone(UTC),
        source=_address(running, "first"),
        target=_address(running, "second"),
    )


def _needs(_given: SnapshotParameters) -> tuple[Need, ...]:
    home, service = names()
    if not home:
        return ()
    return (
        *(
            Need(verb=verb, group="snapshot.storage.k8s.io", resource="volumesnapshots", namespace=home)
            for verb in ("list",)
        ),
        *(
            Need(verb=verb, resource="persistentvolumeclaims", namespace=home)
            for verb in ("get", "create", "delete")
        ),
        *(
            Need(verb=verb, group="apps", resource="statefulsets", namespace=home)
            for verb in ("get", "create", "delete")
        ),
        *(Need(verb=verb, resource="services", namespace=home, name=service) for verb in ("get", "patch")),
        *(Need(verb="list", resource=resource, namespace=home) for resource in ("pods", "events")),
    )


ACTION = Action(
    name="restore_from_snapshot",
    risk=Risk.DANGEROUS,
    parameters=SnapshotParameters,
    choices={"snapshot": _choices},
    targets=lambda _given: (f"db:{settings().database_name}", "billing"),
    needs=_needs,
    plan=_plan,
    steps=(
        Step(name="create", run=_create),
        Step(name="start", run=_start),
        Step(name="verify", run=_verify),
        Step(name="carry", run=_carry),
        Step(name="switch", run=_switch, is_cancellable=False),
        Step(name="prove", run=_prove, is_cancellable=False),
        Step(name="book", run=books.book_again),
    ),
    undo=Undo(
        plan=_plan_undo,
        steps=(
            Step(name="switch_back", run=_switch_back, is_cancellable=False),
            Step(name="prove_undone", run=_prove_undone, is_cancellable=False),
            Step(name="book", run=books.book_again),
        ),
        holds=UNDO_HOLDS,
    ),
    deadline_s=6 * 3600,
    clean_up=_clean_up,
)
