"""Containers as real processes of this machine, for the images that the emulator was told how to run.

Those of Jobs run to their end. Those of other pods do so where their image is a server's: such a pod has an address of
this machine's own, on which its server listens, and the claims that it mounts are folders.

Such a process is a container's in what its users see: its environment is the image's and the specification's and
nothing of ours, its output is the pod's log, its exit code the pod's end, and nothing that it started outlives it.
"""

import base64
import os
import signal
import subprocess
import threading
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import IO

import psutil

from backend.sandbox.keeper import kill_group
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.addresses import next_address
from backend.sandbox.kubernetes.logs import Log
from backend.sandbox.kubernetes.roles import ROLES
from backend.sandbox.kubernetes.store import Object, ObjectKey, Store, key_of
from backend.sandbox.kubernetes.volumes import Volumes
from backend.sandbox.processes import Account, keep, let_go

# By it a process is known to be of a pod, whatever group or session it went to.
_MARK = "SANDBOX_POD_UID"
_CHUNK_BYTES = 64 * 1024
_PATIENCE_S = 5.0
_LOOK_S = 0.01
_SIGNALLED = 128
ContainerKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RealImage:
    """The way to run an image here: folder, environment, and the command where a container names none.

    An image with a ``probe`` is a server's, ready when that command succeeds. In both commands ``{ip}`` and ``{port}``
    are the pod's, and ``{volume}`` is the folder of the claim that it mounts. ``forgets`` are files in that folder that
    tell of processes: a container has process numbers of its own.
    """

    cwd: str
    env: Mapping[str, str]
    entrypoint: tuple[str, ...] = ()
    probe: tuple[str, ...] = ()
    account: Account | None = None
    stop_signal: int = signal.SIGTERM
    forgets: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Process:
    """A process, its log, and the time until which it may end by itself once it was asked to."""

    process: subprocess.Popen[bytes]
    log: Log
    uid: str
    stop_signal: int
    kill_at: float | None = None
    exit_code: int | None = None


@dataclass(slots=True)
class RealContainers:
    """The processes of all containers that run for real. ``wake`` is called with a pod whose container has ended."""

    store: Store
    images: Mapping[str, RealImage]
    kubeconfig: Path | None
    volumes: Volumes
    wake: Callable[[ObjectKey], None] = lambda _key: None
    _running: dict[ContainerKey, _Process] = field(default_factory=dict)

    def image_of(self, pod: Object, container: Object) -> RealImage | None:
        """The way to run a container; None for one that is only played, as all are but those of Jobs and servers."""
        name = container["image"].partition("@")[0]
        head, _, last = name.rpartition("/")
        found = self.images.get(f"{head}/{last.partition(':')[0]}" if head else last.partition(":")[0])
        is_of_job = "job-name" in pod["metadata"].get("labels", {})
        return found if found and (is_of_job or found.probe) else None

    def address_of(self, pod: Object) -> str:
        """An address of this machine for a pod that serves for real; nothing for any other."""
        images = [self.image_of(pod, one) for one in pod["spec"]["containers"]]
        return next_address() if any(one and one.probe for one in images) else ""

    def is_ready(self, pod: Object, container: Object, image: RealImage) -> bool:
        """Whether a server's probe succeeds now."""
        argv = _filled(image.probe, self._places(pod, container))
        return (
            subprocess.run(argv, check=False, capture_output=True, cwd=image.cwd, env=image.env).returncode
            == 0
        )

    def _places(self, pod: Object, container: Object) -> dict[str, str]:
        port = next((one["containerPort"] for one in container.get("ports", ())), 0)
        return {
            "ip": pod["status"].get("podIP", ""),
            "port": str(port),
            "volume": str(self.volumes.mounted(pod, container) or ""),
        }

    def start(self, pod: Object, container: Object, image: RealImage, log: Log) -> None:
        """Start a container's process.

        Raises:
            OSError: there is no such command.
        """
        uid, places = pod["metadata"]["uid"], self._places(pod, container)
        argv = [*(container.get("command") or _filled(image.entrypoint, places)), *container.get("args", ())]
        for name in image.forgets:
            (Path(places["volume"]) / name).unlink(missing_ok=True)
        process = keep(
            subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=image.cwd,
                env={**image.env, **self._account(pod), **self.environment(pod, container), _MARK: uid},
                start_new_session=True,
                user=image.account.uid if image.account else None,
                group=image.account.gid if image.account else None,
                extra_groups=[] if image.account else None,
            ),
            leads_group=True,
        )
        started = _Process(process=process, log=log, uid=uid, stop_signal=image.stop_signal)
        self._running[uid, container["name"]] = started
        threading.Thread(
            target=self._attend, args=(started, key_of(pod), get_running_loop()), daemon=True
        ).start()

    def environment(self, pod: Object, container: Object) -> dict[str, str]:
        """The variables that a container's specification gives, those from Secrets as the Secrets are now."""
        given: dict[str, str] = {}
        for source in container.get("envFrom", ()):
            given |= self._all_keys(pod, source)
        for one in container.get("env", ()):
            source = one.get("valueFrom") or {}
            found = self._value(pod, source) if source else one.get("value", "")
            given |= {} if found is None else {one["name"]: found}
        return given

    def processes(self, uids: Collection[str]) -> list[psutil.Process]:
        """The first process of each container of these pods that has not ended."""
        return [
            psutil.Process(one.process.pid)
            for (of, _), one in self._running.items()
            if of in uids and one.exit_code is None
        ]

    @contextmanager
    def frozen(self, uids: Collection[str]) -> Iterator[None]:
        """Stop every process of these pods for a moment, so that nothing writes."""
        processes = self.processes(uids)
        for process in processes:  # the first one before its children, so that it starts no more
            process.suspend()
            for child in process.children(recursive=True):
                child.suspend()
        try:
            yield
        finally:
            for process in processes:
                for child in process.children(recursive=True):
                    child.resume()
                process.resume()

    def has(self, uid: str) -> bool:
        """Whether a pod has a process, be it one that has ended."""
        return any(of == uid for of, _ in self._running)

    def exit_code(self, uid: str, container: str) -> int | None:
        """Exit code of a process that has ended, 128 and its number for one that a signal ended."""
        found = self._running.get((uid, container))
        return found.exit_code if found else None

    def stop(self, uid: str, grace_s: float) -> float | None:
        """Ask a pod's processes to end, and kill them when the time is over.

        Returns the seconds until the next look, None when all have ended.
        """
        waiting = [one for (of, _), one in self._running.items() if of == uid and one.exit_code is None]
        now = monotonic()
        for one in waiting:
            if one.kill_at is None:
                one.kill_at = now + grace_s
                with suppress(ProcessLookupError):
                    one.process.send_signal(one.stop_signal)
            one.kill_at = min(one.kill_at, now + grace_s)
            if one.kill_at <= now:
                _kill_all_of(one)
        if not waiting:
            self._forget(uid)
            return None
        return max(0.1, *((one.kill_at or now) - now for one in waiting))

    def end_all(self) -> None:
        """Kill every process, with all that it started."""
        for one in self._running.values():
            if one.exit_code is None:
                _kill_all_of(one)
        self._running.clear()

    def _forget(self, uid: str) -> None:
        for key in [key for key in self._running if key[0] == uid]:
            del self._running[key]

    def _attend(self, one: _Process, pod: ObjectKey, loop: AbstractEventLoop) -> None:
        """Follow a process to its end, in a thread of its own."""
        assert one.process.stdout is not None
        reader = threading.Thread(target=self._read, args=(one, one.process.stdout, loop), daemon=True)
        reader.start()
        code = one.process.wait()
        # A container ends with its first process; who is left would keep the output open.
        patience_until = monotonic() + _PATIENCE_S
        while _kill_all_of(one) and monotonic() < patience_until:
            sleep(_LOOK_S)
        reader.join(_PATIENCE_S)
        let_go(one.process.pid)

        def ended() -> None:
            one.exit_code = code if code >= 0 else _SIGNALLED - code
            self.wake(pod)

        with suppress(RuntimeError):  # the emulator has ended, too
            loop.call_soon_threadsafe(ended)

    def _read(self, one: _Process, output: IO[bytes], loop: AbstractEventLoop) -> None:
        rest = b""
        with suppress(RuntimeError), output:
            while chunk := os.read(output.fileno(), _CHUNK_BYTES):
                *lines, rest = (rest + chunk).split(b"\n")
                loop.call_soon_threadsafe(self._say, one.log, lines)
            loop.call_soon_threadsafe(self._say, one.log, [rest] if rest else [])

    def _say(self, log: Log, lines: list[bytes]) -> None:
        now = self.store.now()
        for line in lines:
            log.say(now, line.decode(errors="replace"))

    def _account(self, pod: Object) -> dict[str, str]:
        """The kubeconfig of the pod's service account, unless it wants none; the default one may nothing."""
        spec = pod["spec"]
        account = spec.get("serviceAccountName") or spec.get("serviceAccount") or ""
        if self.kubeconfig is None or ROLES.get(account) is None:
            return {}
        if spec.get("automountServiceAccountToken") is False:
            return {}
        return {"KUBECONFIG": str(account_file(self.kubeconfig, account))}

    def _all_keys(self, pod: Object, source: Object) -> dict[str, str]:
        prefix = source.get("prefix", "")
        for field_name, plural in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            if ref := source.get(field_name):
                return {f"{prefix}{key}": value for key, value in self._data(pod, plural, ref["name"])}
        return {}

    def _value(self, pod: Object, source: Object) -> str | None:
        for field_name, plural in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
            if ref := source.get(field_name):
                return dict(self._data(pod, plural, ref["name"])).get(ref["key"])
        place = str((source.get("fieldRef") or {}).get("fieldPath", ""))
        group, _, name = place.partition(".")
        return str(pod[group][name]) if group in {"metadata", "spec"} and name in pod[group] else None

    def _data(self, pod: Object, plural: str, name: str) -> Iterator[tuple[str, str]]:
        found = self.store.find(plural, (pod["metadata"]["namespace"], name)) or {}
        for key, value in found.get("data", {}).items():
            yield key, base64.b64decode(value).decode() if plural == "secrets" else value


def _filled(argv: tuple[str, ...], places: Mapping[str, str]) -> list[str]:
    return [one.format_map(places) for one in argv]


def _kill_all_of(one: _Process) -> int:
    """Kill a process with all that it started, also what left its group; how many there were."""
    kill_group(one.process.pid)
    mark = f"{_MARK}={one.uid}".encode()
    left = [pid for pid in _processes() if mark in _environment_of(pid)]
    for pid in left:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(left)


def _processes() -> list[int]:
    folder = Path("/proc")
    return [int(one.name) for one in folder.iterdir() if one.name.isdecimal()] if folder.is_dir() else []


def _environment_of(pid: int) -> list[bytes]:
    """The environment that a process was started with; nothing of one that has ended or is another user's."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
