"""Volumes of claims as folders, and snapshots as copies of them.

A snapshot of a real volume is of one instant. Here the processes that write there stand still while it is copied.
"""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backend.sandbox.kubernetes.store import Object, Store, is_going

SELECTED_NODE = "volume.kubernetes.io/selected-node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """The folders of claims and snapshots below ``root``; without one, claims are bound and hold nothing."""

    store: Store
    root: Path | None

    def folder(self, subject: Object) -> Path | None:
        """The folder of a claim or a snapshot."""
        return self.root / subject["metadata"]["uid"] if self.root else None

    def mounted(self, pod: Object, container: Object) -> Path | None:
        """The folder of the first claim that a container mounts."""
        names = {one["name"] for one in container.get("volumeMounts", ())}
        claims = [claim for volume, claim in claims_of(pod) if volume in names]
        found = (
            self.store.find("persistentvolumeclaims", (pod["metadata"]["namespace"], claims[0]))
            if claims
            else None
        )
        return self.folder(found) if found else None

    def make(self, subject: Object, source: Object | None) -> None:
        """Make a folder: empty, or as a copy of another one with its owners and rights."""
        folder, like = self.folder(subject), self.folder(source) if source else None
        if folder is None:
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        if like is None:
            folder.mkdir(mode=0o700)
        else:
            subprocess.run(["cp", "-a", str(like), str(folder)], check=True, capture_output=True)

    def drop(self, subject: Object) -> None:
        """Delete a folder with all that is in it."""
        if folder := self.folder(subject):
            shutil.rmtree(folder, ignore_errors=True)

    def drop_all(self) -> None:
        """Delete every folder."""
        if self.root:
            shutil.rmtree(self.root, ignore_errors=True)

    def users_of(self, namespace: str, claim: str) -> list[Object]:
        """The pods that have a claim."""
        return self.store.listed(
            "pods", namespace, lambda pod: any(name == claim for _, name in claims_of(pod))
        )

    def unbound(self, pod: Object, node: str) -> str | None:
        """The sentence for claims that are not bound yet; empty where they will be now that the pod has a node."""
        waits = False
        for _, name in claims_of(pod):
            claim = self.store.find("persistentvolumeclaims", (pod["metadata"]["namespace"], name))
            if claim is None or is_going(claim):
                return f'persistentvolumeclaim "{name}" not found'
            if claim["status"]["phase"] == "Bound":
                continue
            if not waits_for_consumer(self.store, claim):
                return "pod has unbound immediate PersistentVolumeClaims"
            waits = True
            noted = claim["metadata"].get("annotations", {}) | {SELECTED_NODE: node}
            self.store.put(
                "persistentvolumeclaims", claim | {"metadata": claim["metadata"] | {"annotations": noted}}
            )
        return "" if waits else None


def claims_of(pod: Object) -> Iterator[tuple[str, str]]:
    """Volume and claim of each claim that a pod has."""
    for volume in pod["spec"].get("volumes", ()):
        if source := volume.get("persistentVolumeClaim"):
            yield volume["name"], source["claimName"]


def class_of(store: Store, claim: Object) -> Object | None:
    """The storage class of a claim; None when there is none of that name."""
    return store.find("storageclasses", ("", claim["spec"].get("storageClassName", "")))


def waits_for_consumer(store: Store, claim: Object) -> bool:
    """Whether a claim is bound only when a pod wants it."""
    found = class_of(store, claim)
    return found is None or found.get("volumeBindingMode") == "WaitForFirstConsumer"
