"""A container as a node would start it: its environment and the files that are mounted into it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delivery.chart.manifests import PodTemplate, namespace_of, secret_texts
from delivery.chart.rendering import NAMESPACE, Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The ConfigMaps and Secrets of a release by kind, namespace and name."""

    texts: Mapping[tuple[str, str, str], Mapping[str, str]]

    @classmethod
    def of(cls, manifests: Iterable[Manifest]) -> "Store":
        """The store that these manifests make."""
        return cls(
            texts={
                (each["kind"], namespace_of(each, NAMESPACE), each["metadata"]["name"]): {
                    **dict.fromkeys(each.get("data") or {}, ""),
                    **(secret_texts(each) if each["kind"] == "Secret" else each.get("data") or {}),
                }
                for each in manifests
                if each["kind"] in {"Secret", "ConfigMap"}
            }
        )

    def environment(self, pod: PodTemplate, container: Mapping[str, Any]) -> dict[str, str]:
        """The variables of a container. Raises KeyError where one comes from what is not there."""
        env: dict[str, str] = {}
        for source in container.get("envFrom") or ():
            env |= self._of(pod, "ConfigMap", source["configMapRef"]["name"])
        for variable in container.get("env") or ():
            origin = (variable.get("valueFrom") or {}).get("secretKeyRef")
            env[variable["name"]] = (
                self._of(pod, "Secret", origin["name"])[origin["key"]] if origin else variable["value"]
            )
        return env

    def mount(self, pod: PodTemplate, container: Mapping[str, Any], root: Path) -> None:
        """Write what is mounted into a container below a folder, which stands for its root."""
        volumes = {volume["name"]: volume for volume in pod.spec["volumes"]}
        for mount in container["volumeMounts"]:
            folder = root / mount["mountPath"].lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in self._files(pod, volumes[mount["name"]]):
                (folder / name).write_text(text)

    def _files(self, pod: PodTemplate, volume: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for source in (volume, *(volume.get("projected") or {}).get("sources", ())):
            for kind, key in (("ConfigMap", "configMap"), ("Secret", "secret")):
                if found := source.get(key):
                    texts = self._of(pod, kind, found.get("name") or found["secretName"])
                    items = found.get("items") or [{"key": name, "path": name} for name in texts]
                    yield from ((item["path"], texts[item["key"]]) for item in items)

    def _of(self, pod: PodTemplate, kind: str, name: str) -> Mapping[str, str]:
        return self.texts[kind, pod.namespace, name]
