"""PodFaults that a tester or an image brings to pods."""

from dataclasses import dataclass
from enum import StrEnum

from backend.sandbox.kubernetes.store import Object

# An image with this tag is in no registry.
BROKEN_TAG = "missing"


class Fault(StrEnum):
    """The faults of a pod or a container."""

    IMAGE_PULL = "ImagePullBackOff"
    CONFIG = "CreateContainerConfigError"
    CRASH = "CrashLoopBackOff"
    OUT_OF_MEMORY = "OOMKilled"
    LIVENESS = "LivenessFailing"
    READINESS = "ReadinessFailing"
    UNSCHEDULABLE = "Unschedulable"


RESTARTING = frozenset({Fault.CRASH, Fault.OUT_OF_MEMORY, Fault.LIVENESS})
# Out of memory and a failed liveness probe end a process by SIGKILL.
KILLED = 137


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """A fault, and the pods that have it: those of a workload, or those with an image.

    Unless it is ``on_running``, it leaves alone the containers that were ready before.
    """

    fault: Fault
    workload: str = ""
    image: str = ""
    container: str = ""
    on_running: bool = False
    exit_code: int = 1
    message: str = ""

    def fits(self, pod: Object, container: Object, *, was_ready: bool) -> bool:
        """Whether a container has this fault."""
        return (
            (not was_ready or self.on_running)
            and (not self.workload or pod["metadata"]["name"].startswith(f"{self.workload}-"))
            and (not self.image or container.get("image", "").endswith(self.image))
            and (not self.container or container["name"] == self.container)
        )


class PodFaults:
    """The faults of a cluster, by name."""

    def __init__(self) -> None:
        """Nothing is wrong."""
        self.rules: dict[str, FaultRule] = {}

    def of(self, pod: Object, container: Object, *, was_ready: bool) -> FaultRule | None:
        """The fault of a container, if it has one; by default the first container of a pod has it."""
        if container["image"].endswith(f":{BROKEN_TAG}"):
            return FaultRule(fault=Fault.IMAGE_PULL)
        is_first = container["name"] == pod["spec"]["containers"][0]["name"]
        for rule in self.rules.values():
            if (rule.container or rule.image or is_first) and rule.fits(pod, container, was_ready=was_ready):
                return rule
        return None

    def unschedulable(self, pod: Object) -> FaultRule | None:
        """The fault by which a pod finds no node, if it has one."""
        found = self.of(pod, pod["spec"]["containers"][0], was_ready=False)
        return found if found and found.fault is Fault.UNSCHEDULABLE else None
