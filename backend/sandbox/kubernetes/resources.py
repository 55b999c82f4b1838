"""The kinds of objects that the emulator knows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of object and where it lives."""

    group: str
    plural: str
    kind: str
    short: str = ""
    is_namespaced: bool = True
    has_status: bool = False
    is_scalable: bool = False
    # Only kinds with a specification that controllers follow count its generations.
    has_generation: bool = False

    @property
    def api_version(self) -> str:
        """The group and version as objects carry it."""
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def qualified_kind(self) -> str:
        """The kind as error messages name it: ``Deployment.apps``, ``Pod``."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def qualified_plural(self) -> str:
        """The resource as error messages name it: ``deployments.apps``, ``pods``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


RESOURCES = {
    one.plural: one
    for one in (
        Resource(
            group="", plural="namespaces", kind="Namespace", short="ns", is_namespaced=False, has_status=True
        ),
        Resource(group="", plural="nodes", kind="Node", short="no", is_namespaced=False, has_status=True),
        Resource(group="", plural="pods", kind="Pod", short="po", has_status=True),
        Resource(group="", plural="events", kind="Event", short="ev"),
        Resource(group="", plural="secrets", kind="Secret"),
        Resource(group="", plural="configmaps", kind="ConfigMap", short="cm"),
        Resource(group="", plural="services", kind="Service", short="svc", has_status=True),
        Resource(
            group="",
            plural="persistentvolumeclaims",
            kind="PersistentVolumeClaim",
            short="pvc",
            has_status=True,
        ),
        Resource(
            group="storage.k8s.io",
            plural="storageclasses",
            kind="StorageClass",
            short="sc",
            is_namespaced=False,
        ),
        Resource(
            group="snapshot.storage.k8s.io",
            plural="volumesnapshots",
            kind="VolumeSnapshot",
            short="vs",
            has_status=True,
        ),
        Resource(group="", plural="resourcequotas", kind="ResourceQuota", short="quota", has_status=True),
        Resource(
            group="apps",
            plural="deployments",
            kind="Deployment",
            short="deploy",
            has_status=True,
            is_scalable=True,
            has_generation=True,
        ),
        Resource(
            group="apps",
            plural="replicasets",
            kind="ReplicaSet",
            short="rs",
            has_status=True,
            is_scalable=True,
            has_generation=True,
        ),
        Resource(
            group="apps",
            plural="statefulsets",
            kind="StatefulSet",
            short="sts",
            has_status=True,
            is_scalable=True,
            has_generation=True,
        ),
        Resource(
            group="apps",
            plural="daemonsets",
            kind="DaemonSet",
            short="ds",
            has_status=True,
            has_generation=True,
        ),
        Resource(group="apps", plural="controllerrevisions", kind="ControllerRevision"),
        Resource(group="batch", plural="jobs", kind="Job", has_status=True, has_generation=True),
        Resource(
            group="batch", plural="cronjobs", kind="CronJob", short="cj", has_status=True, has_generation=True
        ),
    )
}
PLURALS = {one.kind: one.plural for one in RESOURCES.values()}
