"""Gives the empty shell of pages with a name in their address a sentence for browsers without scripts.

All other pages are prerendered, with the sentence in them (``portal.i18n.script_needed``).
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Unpack

from reflex.plugins import Plugin
from reflex_base.plugins.base import PostBuildContext

from backend.i18n.catalog import Lang, text

SHELL = "__spa-fallback.html"
_END = "</body>"
_DIRECTIONS: dict[Lang, str] = {"fa": "rtl", "en": "ltr"}


def with_sentence(shell: str) -> str:
    """The shell with the sentence at its end, where React leaves it alone. Raises RuntimeError when it has no end."""
    said = "".join(
        f'<p class="note warn" lang="{lang}" dir="{direction}">{escape(text("page.no_script.needed", lang))}</p>'
        for lang, direction in _DIRECTIONS.items()
    )
    before, end, after = shell.rpartition(_END)
    if not end:
        raise RuntimeError(f"{SHELL} holds no {_END}")
    return f"{before}<noscript>{said}</noscript>{end}{after}"


@dataclass
class NoScriptPlugin(Plugin):
    """Writes the sentence into the shell."""

    def post_build(self, **context: Unpack[PostBuildContext]) -> None:
        """Rewrite the shell; a build without one is refused."""
        shell = Path(context["static_dir"]) / SHELL
        shell.write_text(with_sentence(shell.read_text()))
