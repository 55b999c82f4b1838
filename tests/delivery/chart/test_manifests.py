"""Every manifest of every variant: what a cluster would refuse, and what nobody should read."""

import re
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery.chart.manifests import namespace_of, pod_templates, secret_texts, texts, title
from delivery.chart.pod_security import containers_of, restricted_violations
from delivery.chart.rendering import CHART, HELMS, NAMESPACE, Manifest, lint, read, render, values_of
from delivery.chart.schemas import VERSIONS, faults
from tests.delivery.chart.conftest import NEWEST, rendered_by

IMMUTABLE = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "volumeClaimTemplates"),
    "Job": ("template",),
    "PersistentVolumeClaim": ("accessModes", "storageClassName"),
    "Service": ("clusterIP",),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
}
# Whoever has these finds the others; they are no secrets, only short.
SHORTEST_SECRET = 8


@pytest.mark.parametrize("helm", HELMS)
def test_helm_finds_nothing_to_complain_of(helm: str, variant: str) -> None:
    assert "0 chart(s) failed" in lint(helm, "--values", str(values_of(variant)))


def test_helm_3_and_4_render_the_same(variant: str) -> None:
    older, newer = (_without_values(sorted(rendered_by(helm, variant), key=_place)) for helm in HELMS)

    assert older == newer


def test_kubernetes_knows_every_field(manifests: list[Manifest]) -> None:
    found = [
        f"{title(manifest)} ({version}): {fault}"
        for manifest, version in product(manifests, VERSIONS)
        for fault in faults(manifest, version)
    ]

    assert found == []


def test_kubernetes_knows_every_field_of_the_job_of_a_run(closed: list[Manifest]) -> None:
    template = next(each for each in closed if each["metadata"]["name"] == "docuchat-runner-template")
    (job,) = read(template["data"]["job.yaml"])

    assert [fault for version in VERSIONS for fault in faults(job, version)] == []


def test_every_pod_is_let_in_by_the_standard_restricted(manifests: list[Manifest]) -> None:
    pods = list(pod_templates(manifests, NAMESPACE))

    assert {pod.owner: restricted_violations(pod.spec) for pod in pods} == {pod.owner: [] for pod in pods}


def test_every_container_says_what_it_needs_and_writes_only_to_volumes(manifests: list[Manifest]) -> None:
    for pod in pod_templates(manifests, NAMESPACE):
        for container in containers_of(pod.spec):
            where = f"{pod.owner}: {container['name']}"
            assert container["securityContext"].get("readOnlyRootFilesystem") is True, where
            resources = container.get("resources") or {}
            assert resources.get("requests", {}).keys() >= {"cpu", "memory"}, where
            assert resources.get("limits", {}).keys() >= {"memory"}, where


def test_an_account_of_kubernetes_is_only_given_to_who_asks_it(manifests: list[Manifest]) -> None:
    accounts = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in manifests
        if each["kind"] == "ServiceAccount"
    }
    for pod in pod_templates(manifests, NAMESPACE):
        name = pod.spec.get("serviceAccountName")
        # Who says nothing gets the token of the namespace's own account.
        assert pod.spec.get("automountServiceAccountToken") is (name is not None), pod.owner
        assert name is None or (pod.namespace, name) in accounts, pod.owner


def test_nothing_has_two_owners(manifests: list[Manifest]) -> None:
    counted = Counter(_place(manifest) for manifest in manifests)

    assert [place for place, count in counted.items() if count > 1] == []


def test_every_object_says_to_which_release_and_part_it_belongs(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        labels = manifest["metadata"].get("labels") or {}
        assert labels.keys() >= {
            "app.kubernetes.io/name",
            "app.kubernetes.io/instance",
            "app.kubernetes.io/component",
            "app.kubernetes.io/managed-by",
            "helm.sh/chart",
        }, title(manifest)


def test_selectors_find_the_pods_that_they_are_for(manifests: list[Manifest]) -> None:
    pods = list(pod_templates(manifests, NAMESPACE))
    for manifest in manifests:
        spec = manifest.get("spec") or {}
        match manifest["kind"]:
            case "Deployment" | "StatefulSet":
                own = spec["template"]["metadata"]["labels"]
                assert spec["selector"]["matchLabels"].items() <= own.items(), title(manifest)
            case "Service":
                found = [pod for pod in pods if spec["selector"].items() <= pod.labels.items()]
                assert len({pod.owner for pod in found}) == 1, title(manifest)
                names = {
                    port["name"] for each in containers_of(found[0].spec) for port in each.get("ports") or ()
                }
                assert {port["targetPort"] for port in spec["ports"]} <= names, title(manifest)
            case "PodDisruptionBudget":
                chosen = spec["selector"]["matchLabels"].items()
                assert any(chosen <= pod.labels.items() for pod in pods), title(manifest)
            case "HorizontalPodAutoscaler":
                target = spec["scaleTargetRef"]
                assert f"{target['kind']}/{target['name']}" in {pod.owner for pod in pods}, title(manifest)


def test_helm_3_waits_for_a_ready_pod_of_every_deployment(manifests: list[Manifest]) -> None:
    """It waits for the replicas less those that may be unavailable: for none, a broken image would pass."""
    for manifest in manifests:
        if manifest["kind"] != "Deployment":
            continue
        spec = manifest["spec"]
        rolling = spec.get("strategy", {}).get("rollingUpdate") or {}
        unavailable = rolling.get("maxUnavailable", 0)
        assert isinstance(unavailable, int), title(manifest)
        assert spec.get("replicas", 1) - unavailable > 0, title(manifest)


def test_what_a_pod_reads_exists(manifests: list[Manifest], variant: str) -> None:
    """Secrets of other owners, which values name, lie where the chart does not look."""
    foreign = _existing(variant)
    there = {
        (each["kind"], namespace_of(each, NAMESPACE), each["metadata"]["name"]): each for each in manifests
    }
    for pod in pod_templates(manifests, NAMESPACE):
        for kind, name, keys in _references(pod.spec):
            if name in foreign:
                continue
            found = there.get((kind, pod.namespace, name))
            assert found is not None, f"{pod.owner} reads {kind} {name}"
            held = {**(found.get("data") or {}), **(found.get("stringData") or {})}
            assert keys <= held.keys(), f"{pod.owner} reads {keys} of {kind} {name}"


def test_no_secret_stands_outside_a_secret(manifests: list[Manifest]) -> None:
    secrets = {
        text
        for manifest in manifests
        if manifest["kind"] == "Secret"
        for key, text in secret_texts(manifest).items()
        if key != "username" and len(text) >= SHORTEST_SECRET and not text.startswith("smtp://127.0.0.1")
    }
    found = [
        title(manifest)
        for manifest in manifests
        if manifest["kind"] != "Secret"
        for text in texts(manifest)
        if any(secret in text for secret in secrets)
    ]

    assert found == []


def test_every_image_is_named_by_a_tag_or_digest_and_none_is_the_latest(manifests: list[Manifest]) -> None:
    for pod in pod_templates(manifests, NAMESPACE):
        for container in containers_of(pod.spec):
            name, _, version = container["image"].rpartition("/")[2].partition(":")
            assert name, container["image"]
            assert version not in {"", "latest"} or "@sha256:" in container["image"], container["image"]


def test_nothing_changes_between_two_renders(variant: str) -> None:
    """What is made by chance is kept by `lookup` in a cluster; there is none here, so such values are left out."""
    first = sorted(rendered_by(NEWEST, variant), key=_place)
    again = sorted(rendered_by.__wrapped__(NEWEST, variant), key=_place)

    assert _without_values(first) == _without_values(again)


def test_given_secrets_are_taken_as_they_are() -> None:
    first, again = rendered_by(NEWEST, "everything"), rendered_by.__wrapped__(NEWEST, "everything")
    made_by_chance = {
        title(one)
        for one, other in zip(sorted(first, key=_place), sorted(again, key=_place), strict=True)
        if one != other
    }

    assert made_by_chance <= {"Secret/docuchat-jobs-metrics", "Secret/docuchat-jwt"}


def test_an_upgrade_keeps_what_cannot_be_changed(tmp_path: Path) -> None:
    newer = tmp_path / "docuchat"
    shutil.copytree(CHART, newer)
    described = (newer / "Chart.yaml").read_text()
    for name in ("version", "appVersion"):
        described = re.sub(rf"^{name}:.*$", f'{name}: "99.9.9"', described, flags=re.MULTILINE)
    (newer / "Chart.yaml").write_text(described)

    upgraded = render(NEWEST, "--values", str(values_of("everything")), "--is-upgrade", chart=newer)

    assert _immutable(upgraded) == _immutable(rendered_by(NEWEST, "everything"))


def _immutable(manifests: list[Manifest]) -> dict[tuple[str, str, str], list[Any]]:
    return {
        _place(each): [(each.get("spec") or each).get(field) for field in IMMUTABLE[each["kind"]]]
        for each in manifests
        if each["kind"] in IMMUTABLE
    }


def _without_values(manifests: list[Manifest]) -> list[Manifest]:
    return [
        {**each, "data": sorted(each["data"])} if each["kind"] == "Secret" else each for each in manifests
    ]


def _existing(variant: str) -> set[str]:
    values = yaml.safe_load(values_of(variant).read_text()) or {}
    named = (values.get("secrets") or {}).get("existing") or {}
    others = {(values.get("seller") or {}).get("logoConfigMap", "")}
    return {name for name in (*named.values(), *others) if name}


def _place(manifest: Manifest) -> tuple[str, str, str]:
    return (manifest["kind"], namespace_of(manifest, NAMESPACE), manifest["metadata"]["name"])


def _references(spec: Any) -> Iterator[tuple[str, str, set[str]]]:
    """Kind, name and keys of each ConfigMap and Secret that a pod cannot do without."""
    for container in containers_of(spec):
        for variable in container.get("env") or ():
            yield from _needed(variable.get("valueFrom") or {}, "KeyRef")
        for source in container.get("envFrom") or ():
            yield from _needed(source, "Ref")
    for volume in spec.get("volumes") or ():
        for source in (volume, *(volume.get("projected") or {}).get("sources", ())):
            yield from _needed(source, "")


def _needed(source: Any, ending: str) -> Iterator[tuple[str, str, set[str]]]:
    for kind, key in (("ConfigMap", f"configMap{ending}"), ("Secret", f"secret{ending}")):
        found = source.get(key)
        if found and not found.get("optional"):
            keys = {each["key"] for each in (found, *found.get("items", ())) if "key" in each}
            yield kind, found.get("name") or found["secretName"], keys
