"""An upgrade from each earlier release of the chart keeps what Kubernetes lets nobody change.

``releases/VERSION.json`` holds those fields as that release had them. ``python -m tests.delivery.chart.test_releases``
writes the file of the present version, which belongs to the commit that makes a release.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery.chart.manifests import title
from delivery.chart.rendering import CHART, Manifest
from tests.delivery.chart.conftest import NEWEST, rendered_by

RELEASES = Path(__file__).with_name("releases")
VARIANTS = ("minimal", "everything")
IMMUTABLE = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
    "PersistentVolumeClaim": ("accessModes", "storageClassName", "volumeName"),
    "Service": ("clusterIP",),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
}


def immutable(manifests: list[Manifest]) -> dict[str, Any]:
    """The fields of each object that no upgrade may change."""
    return {
        f"{each['metadata'].get('namespace', '')}/{title(each)}": [
            (each.get("spec") or each).get(name) for name in IMMUTABLE[each["kind"]]
        ]
        for each in manifests
        if each["kind"] in IMMUTABLE
    }


@pytest.mark.parametrize("release", sorted(path.stem for path in RELEASES.glob("*.json")))
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_upgrade_changes_nothing_that_cannot_be_changed(release: str, variant: str) -> None:
    before = json.loads((RELEASES / f"{release}.json").read_text())[variant]
    now = immutable(rendered_by(NEWEST, variant))

    assert before
    assert {name: now[name] for name in before.keys() & now.keys()} == {
        name: before[name] for name in before.keys() & now.keys()
    }


if __name__ == "__main__":
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    found = {variant: immutable(rendered_by(NEWEST, variant)) for variant in VARIANTS}
    (RELEASES / f"{version}.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
