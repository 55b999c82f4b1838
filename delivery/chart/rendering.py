"""The chart rendered and linted by the real Helm, once for each set of values."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from backend.sandbox.postgres import REPOSITORY
from delivery.tools import tool

CHART = REPOSITORY / "charts" / "docuchat"
VARIANTS = CHART / "ci"
HELMS = ("helm3", "helm4")
RELEASE, NAMESPACE = "docuchat", "docuchat-prod"
KUBERNETES = "1.34.0"

Manifest: TypeAlias = dict[str, Any]


class ChartError(Exception):
    """Helm's own words about a chart or values that it refuses."""


def variants() -> list[str]:
    """The names of the sets of values that the chart is proven with: ``ci/NAME-values.yaml``."""
    return sorted(path.name.removesuffix("-values.yaml") for path in VARIANTS.glob("*-values.yaml"))


def values_of(variant: str) -> Path:
    """The file of a set of values."""
    return VARIANTS / f"{variant}-values.yaml"


def render(helm: str, *arguments: str, chart: Path = CHART) -> list[Manifest]:
    """Every manifest of the chart, hooks and tests included. Raises ChartError in Helm's words."""
    text = _helm(
        [helm, "template", RELEASE, str(chart), "--namespace", NAMESPACE, "--kube-version", KUBERNETES],
        arguments,
    )
    return read(text)


def read(text: str) -> list[Manifest]:
    """The manifests of a stream of YAML documents; empty ones are left out."""
    return [document for document in yaml.load_all(text, Loader=_LOADER) if document]


def lint(helm: str, *arguments: str, chart: Path = CHART) -> str:
    """What Helm's own linter says when it is content. Raises ChartError with what it found."""
    return _helm([helm, "lint", "--strict", str(chart), "--namespace", NAMESPACE], arguments)


def _helm(command: Sequence[str], arguments: Sequence[str]) -> str:
    argv = [str(tool(command[0])), *command[1:], *arguments]
    run = subprocess.run(argv, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise ChartError(run.stderr.strip() or run.stdout.strip())
    return run.stdout


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
