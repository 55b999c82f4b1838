"""Worlds for single promises."""

from tests.integration.usage.world import World


def special_worlds() -> list[World]:
    """All of them; each is measured by its name."""
    return []
