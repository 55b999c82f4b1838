"""The chart, rendered once for each set of values and each Helm."""

from collections.abc import Callable
from functools import cache

import pytest

from delivery.chart.network import Network
from delivery.chart.rendering import HELMS, NAMESPACE, Manifest, render, values_of, variants

Rendered = Callable[[str], list[Manifest]]

NEWEST = HELMS[-1]
CLOSED = [each for each in variants() if each != "bare"]


@cache
def rendered_by(helm: str, variant: str) -> list[Manifest]:
    """The manifests of a variant. Who changes one changes a copy."""
    return render(helm, "--values", str(values_of(variant)))


@pytest.fixture(params=variants())
def variant(request: pytest.FixtureRequest) -> str:
    """Each set of values in turn."""
    return str(request.param)


@pytest.fixture
def manifests(variant: str) -> list[Manifest]:
    """The manifests of each variant in turn, by the newest Helm."""
    return rendered_by(NEWEST, variant)


@pytest.fixture(params=CLOSED)
def closed(request: pytest.FixtureRequest) -> list[Manifest]:
    """The manifests of each variant that has runbooks and NetworkPolicies."""
    return rendered_by(NEWEST, str(request.param))


@pytest.fixture
def network(closed: list[Manifest]) -> Network:
    """The pods and policies of each variant that has policies."""
    return Network(closed, NAMESPACE)
