"""``python -m delivery.way_back upgrade|rollback``: change a release, and keep rotated secrets where it goes back.

Helm stores Secrets with each revision, so its own way back writes the credentials of last time over those that a
rotation has put into the cluster since. Here they are read before the change and put back after the return. Their
values stand in no argument, and in a file only where the cluster refuses them.

Reads RELEASE, NAMESPACE, VALUES and REVISION; further arguments go to ``helm upgrade``. Exit codes: 0 done; 1 failed;
2 there is nothing to go back to.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from delivery.chart_values import values

Manifest: TypeAlias = dict[str, Any]
Id: TypeAlias = tuple[str, str]

CHART = "charts/docuchat"
DEADLINE = "10m"
GIVEN = "docuchat.example/given-"
RESCUED = Path(".local/secrets-to-put-back.json")
TRIES, PAUSE_S = 4, 2.0
# What a server writes into an object itself; an applied one must not have it.
_SERVERS = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation")
_RAN = {"deployed", "superseded"}


class Failed(Exception):
    """A program that did not do what it was asked; the text is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release of the chart in its namespace."""

    name: str
    namespace: str

    @property
    def place(self) -> tuple[str, str]:
        """The arguments that name the namespace."""
        return "--namespace", self.namespace

    def upgrade(self, values_file: str, arguments: Sequence[str]) -> int:
        """Install or upgrade and wait; go back to the revision that ran where that fails. Returns the exit code."""
        newest = max(self._revisions(), default=0)
        before = self._secrets()
        files = ("--values", values_file) if values_file else ()
        argv = ["helm", "upgrade", "--install", self.name, CHART, *self.place, "--create-namespace", *files]
        argv += ["--values", "-", "--wait", "--timeout", DEADLINE, *arguments]
        done = subprocess.run(argv, input=json.dumps(values(os.environ)), text=True, check=False)
        if done.returncode == 0:
            return 0
        revisions = self._revisions()
        if max(revisions, default=0) > newest and (target := _last_that_ran(revisions, newest)):
            print(f"The upgrade failed. Going back to revision {target}.", file=sys.stderr)
            self._go_back(target, before)
        return 1

    def rollback(self, revision: str) -> int:
        """Go back to a revision, or to the newest earlier one that ran. Returns the exit code."""
        if revision and not revision.isdigit():
            print(f"{revision} is no revision. See make k8s-history.", file=sys.stderr)
            return 2
        revisions = self._revisions()
        target = int(revision) if revision else _last_that_ran(revisions, max(revisions, default=0) - 1)
        if not target:
            print(f"{self.name} has no earlier revision that ran. See make k8s-history.", file=sys.stderr)
            return 2
        self._go_back(target, self._secrets())
        return 0

    def _go_back(self, target: int, before: Mapping[Id, Manifest]) -> None:
        # Helm does not wait: pods may not become ready before they have the credentials of today.
        is_3 = _asked("helm", "version", "--short").startswith("v3")
        # Helm 4 would stop at a Secret that a rotation, as another field manager, has changed.
        force = () if is_3 else ("--force-conflicts",)
        try:
            _asked("helm", "rollback", self.name, str(target), *self.place, *force)
        finally:
            changed = self._put_back(before)
            self._restart_readers(changed)
        for kind in ("deployment", "statefulset"):
            _asked("kubectl", "rollout", "status", kind, *self._selected(), "--timeout", DEADLINE)
        print(f"{self.name} is back at revision {target}.")

    def _secrets(self) -> dict[Id, Manifest]:
        """The release's Secrets in the cluster, also those in the namespace of runs."""
        argv = ("kubectl", "get", "secrets", "--selector", self._label, "--output", "json")
        try:
            written = _asked(*argv, "--all-namespaces")
        except Failed:  # an account for one namespace alone
            written = _asked(*argv, *self.place)
        return {
            (each["metadata"]["namespace"], each["metadata"]["name"]): each
            for each in json.loads(written)["items"]
            if (each["metadata"].get("annotations") or {}).get("meta.helm.sh/release-namespace")
            == self.namespace
        }

    def _put_back(self, before: Mapping[Id, Manifest]) -> set[str]:
        """Give the Secrets their values of before; returns the names of those that had others."""
        now = self._secrets()
        changed = [
            again
            for id_, was in before.items()
            if id_ in now and (again := _with_values_of(was, now[id_])) != now[id_]
        ]
        if changed:
            _apply([_without_what_servers_write(each) for each in changed])
        return {each["metadata"]["name"] for each in changed}

    def _restart_readers(self, changed: set[str]) -> None:
        """Restart the workloads whose pods may have begun with the values of the earlier revision."""
        if not changed:
            return
        argv = ("get", "deployments,statefulsets", *self._selected(), "--output", "json")
        for each in json.loads(_asked("kubectl", *argv))["items"]:
            if changed & set(_secrets_read_by(each["spec"]["template"]["spec"])):
                name = f"{each['kind'].lower()}/{each['metadata']['name']}"
                _asked("kubectl", "rollout", "restart", name, *self.place)

    def _revisions(self) -> dict[int, str]:
        """The status of each revision; nothing where there is no release."""
        argv = ["helm", "history", self.name, *self.place, "--max", "256", "--output", "json"]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode and "not found" in done.stderr:
            return {}
        if done.returncode:
            raise Failed(done.stderr.strip())
        return {int(each["revision"]): str(each["status"]) for each in json.loads(done.stdout)}

    def _selected(self) -> tuple[str, ...]:
        return *self.place, "--selector", self._label

    @property
    def _label(self) -> str:
        return f"app.kubernetes.io/instance={self.name}"


def _last_that_ran(revisions: Mapping[int, str], up_to: int) -> int:
    return max((each for each, status in revisions.items() if status in _RAN and each <= up_to), default=0)


def _with_values_of(was: Manifest, now: Manifest) -> Manifest:
    """A Secret of today with the values, and the hashes of the operator's values, of before."""
    noted = {
        name: value
        for name, value in (was["metadata"].get("annotations") or {}).items()
        if name.startswith(GIVEN)
    }
    annotations = {**(now["metadata"].get("annotations") or {}), **noted}
    data = {**(now.get("data") or {}), **(was.get("data") or {})}
    return {**now, "metadata": {**now["metadata"], "annotations": annotations}, "data": data}


def _without_what_servers_write(secret: Manifest) -> Manifest:
    metadata = {name: value for name, value in secret["metadata"].items() if name not in _SERVERS}
    return {**secret, "metadata": metadata}


def _apply(secrets: list[Manifest]) -> None:
    """Write Secrets as Helm would, so that it stays their owner. Raises Failed, and keeps them in a file then."""
    written = json.dumps({"apiVersion": "v1", "kind": "List", "items": secrets})
    argv = ("kubectl", "apply", "--server-side", "--field-manager=helm", "--force-conflicts")
    problem = ""
    for attempt in range(TRIES):
        time.sleep(PAUSE_S * attempt)
        try:
            _asked(*argv, "--filename=-", given=written)
        except Failed as failed:
            problem = str(failed)
        else:
            return
    RESCUED.parent.mkdir(exist_ok=True)
    RESCUED.touch(mode=0o600)
    RESCUED.chmod(0o600)
    RESCUED.write_text(written)
    raise Failed(f"{problem}\nTo put the secrets back: {' '.join(argv)} --filename={RESCUED} && rm {RESCUED}")


def _secrets_read_by(part: object) -> Iterator[str]:
    """The names of the Secrets that a pod's description names, as variables or as files."""
    if isinstance(part, list):
        for each in part:
            yield from _secrets_read_by(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in {"secretKeyRef", "secretRef", "secret"} and isinstance(value, dict):
                yield str(value.get("name") or value.get("secretName"))
            else:
                yield from _secrets_read_by(value)


def _asked(*argv: str, given: str = "") -> str:
    """What a program answers. Raises Failed with its own words."""
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(done.stderr.strip() or f"{' '.join(argv[:2])} failed.")
    return done.stdout


def main(argv: Sequence[str]) -> int:
    """Run the command line; returns the exit code."""
    env = os.environ
    # Whoever ends it in the middle still gets the secrets put back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    release = Release(name=env.get("RELEASE", "docuchat"), namespace=env.get("NAMESPACE", "docuchat-prod"))
    try:
        if argv[0] == "rollback":
            return release.rollback(env.get("REVISION", ""))
        return release.upgrade(env.get("VALUES", ""), argv[1:])
    except Failed as failed:
        print(failed, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
