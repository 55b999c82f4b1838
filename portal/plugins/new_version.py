"""Says in the page's language that a newer version of the portal runs; Reflex says it in English to everybody."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from reflex.plugins import Plugin
from reflex_base.plugins.base import PostBuildContext

from backend.i18n.catalog import text

# What Reflex puts into the page with its own hands, so no component of ours can stand in its place.
_SAID = (
    (re.compile(r"(append\()([`'\"])A new version of this app is available\.\2"), "state.new_version"),
    (re.compile(r"(\.textContent ?= ?)([`'\"])Reload\2"), "state.reload"),
)


def in_both_languages(script: str) -> tuple[str, int]:
    """A script with Reflex's own sentences replaced by ours, and how many there were."""
    total = 0
    for pattern, key in _SAID:
        persian, english = (json.dumps(text(key, lang)) for lang in ("fa", "en"))
        ours = f'(document.documentElement.lang==="en"?{english}:{persian})'
        script, found = pattern.subn(r"\1" + ours.replace("\\", r"\\"), script)
        total += found
    return script, total


@dataclass
class NewVersionPlugin(Plugin):
    """Replaces the sentences in the bundle."""

    def post_build(self, **context: Unpack[PostBuildContext]) -> None:
        """Rewrite the bundle; a build that lacks one of the sentences is refused, for it says others in English."""
        total = 0
        for script in Path(context["static_dir"]).rglob("*.js"):
            changed, found = in_both_languages(script.read_text())
            if found:
                script.write_text(changed)
                total += found
        if total != len(_SAID):
            raise RuntimeError(f"the build holds {total} of Reflex's {len(_SAID)} sentences")
