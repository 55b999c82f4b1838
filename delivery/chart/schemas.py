"""Manifests against the schemas of Kubernetes and of Prometheus's operator: a field that neither knows is a fault."""

import json
from functools import cache
from pathlib import Path

import jsonschema
import kubernetes_validate
from referencing import Registry, Resource

from delivery.chart import operator_kinds
from delivery.chart.rendering import Manifest

VERSIONS = ("1.32", "1.34", "1.37")
"""The oldest, a middle and the newest Kubernetes that the chart is for."""


def faults(manifest: Manifest, version: str) -> list[str]:
    """What a version of Kubernetes refuses in a manifest. Raises LookupError for a kind that is not its own."""
    validator = _validator(manifest["apiVersion"], manifest["kind"], version)
    return [
        f"{'.'.join(map(str, fault.absolute_path)) or 'the object'}: {fault.message}"
        for fault in validator.iter_errors(manifest)
    ]


@cache
def _validator(api_version: str, kind: str, version: str) -> jsonschema.Draft202012Validator:
    group, _, number = api_version.rpartition("/")
    if group == operator_kinds.GROUP:
        return jsonschema.Draft202012Validator(operator_kinds.schema_of(kind, number))
    stem = f"{group.split('.')[0]}-{number}" if group else number
    folder = _folder(version)
    path = folder / f"{kind.lower()}-{stem}.json"
    if not path.is_file():
        raise LookupError(f"Kubernetes {version} has no kind {kind} of {api_version}")
    schema = json.loads(path.read_text())
    return jsonschema.Draft202012Validator(schema, registry=_definitions(version))


@cache
def _definitions(version: str) -> Registry:
    contents = json.loads((_folder(version) / "_definitions.json").read_text())
    return Resource.from_contents(contents) @ Registry()


def _folder(version: str) -> Path:
    found = kubernetes_validate.utils.all_versions()
    exact = next(each for each in found if each.startswith(f"{version}."))
    return Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{exact}-local-strict"
