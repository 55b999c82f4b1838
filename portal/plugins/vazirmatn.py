"""Serves the Persian typeface with the style sheet itself, so that no page is drawn in another one first.

A typeface that comes later makes every line a little wider or narrower, and the page jumps under the reader's eyes.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from reflex.plugins import CommonContext, Plugin
from reflex_base.plugins.base import PostBuildContext

# What both languages' pages are written in; other letters are fetched when somebody's name needs them.
_SCRIPTS = ("arabic", "latin")
_ADDRESS = re.compile(rf"url\(/(assets/vazirmatn-(?:{'|'.join(_SCRIPTS)})-wght-normal-[\w-]+\.woff2)\)")
# Reflex also copies the package's sheet unread: its addresses lead nowhere, and its faces are in the other sheet.
_DEAD_FACE = re.compile(r"@font-face\s*\{[^}]*url\(\./files/[^}]*\}")


def with_fonts(sheet: str, static_dir: Path) -> tuple[str, int]:
    """A sheet with the fonts of both languages in it, and how many there were."""

    def embedded(found: re.Match[str]) -> str:
        data = b64encode((static_dir / found[1]).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{data})"

    return _ADDRESS.subn(embedded, sheet)


def without_dead_faces(sheet: str) -> str:
    """A sheet without the faces whose addresses lead nowhere."""
    return _DEAD_FACE.sub("", sheet)


@dataclass
class VazirmatnPlugin(Plugin):
    """Adds the npm package of the variable font and its stylesheet."""

    def get_frontend_dependencies(self, **_context: Unpack[CommonContext]) -> tuple[str, ...]:
        """The package, pinned."""
        return ("@fontsource-variable/vazirmatn@5.3.0",)

    def get_stylesheet_paths(self, **_context: Unpack[CommonContext]) -> tuple[str, ...]:
        """Its stylesheet, which names one file for each script."""
        return ("@fontsource-variable/vazirmatn/index.css",)

    def post_build(self, **context: Unpack[PostBuildContext]) -> None:
        """Put the fonts into the sheet; a build in which they were not found is refused, for its pages would jump."""
        static_dir, total = Path(context["static_dir"]), 0
        for path in static_dir.rglob("*.css"):
            sheet, found = with_fonts(path.read_text(), static_dir)
            path.write_text(without_dead_faces(sheet))
            total += found
        if total != len(_SCRIPTS):
            raise RuntimeError(f"the build's sheets name {total} of {len(_SCRIPTS)} fonts of Vazirmatn")
