"""Makes one build serve any address: the browser asks the origin that the page came from."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from reflex.plugins import Plugin
from reflex_base.plugins.base import PostBuildContext

BUILD_ADDRESS = "localhost:8000"
_BAKED = re.compile(
    r"([`'\"])(?P<scheme>https?|wss?)://" + re.escape(BUILD_ADDRESS) + r"(?P<path>/[\w/-]*)\1"
)


def with_page_origin(script: str) -> tuple[str, int]:
    """A script with each baked address replaced by the page's own origin, and how many there were."""

    def relative(found: re.Match[str]) -> str:
        origin = "location.origin"
        if found["scheme"].startswith("ws"):
            origin += ".replace(/^http/,`ws`)"
        return f"{origin}+`{found['path']}`"

    return _BAKED.subn(relative, script)


@dataclass
class SameOriginPlugin(Plugin):
    """Replaces the address that Reflex bakes into the bundle."""

    def post_build(self, **context: Unpack[PostBuildContext]) -> None:
        """Rewrite the bundle; a build in which nothing was found is refused, because its pages would stay dead."""
        total = 0
        for script in Path(context["static_dir"]).rglob("*.js"):
            changed, found = with_page_origin(script.read_text())
            if found:
                script.write_text(changed)
                total += found
        if not total:
            raise RuntimeError(
                f"the build holds no {BUILD_ADDRESS}; SameOriginPlugin must learn where it went"
            )
