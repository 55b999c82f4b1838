"""Serves the Persian typeface from our own origin, split by script so that a page loads only what it shows."""

from dataclasses import dataclass
from typing import Unpack

from reflex.plugins import CommonContext, Plugin


@dataclass
class VazirmatnPlugin(Plugin):
    """Adds the npm package of the variable font and its stylesheet."""

    def get_frontend_dependencies(self, **_context: Unpack[CommonContext]) -> tuple[str, ...]:
        """The package, pinned."""
        return ("@fontsource-variable/vazirmatn@5.3.0",)

    def get_stylesheet_paths(self, **_context: Unpack[CommonContext]) -> tuple[str, ...]:
        """Its stylesheet, which names one file for each script."""
        return ("@fontsource-variable/vazirmatn/index.css",)
