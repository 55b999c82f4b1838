"""Writes the hashes of every inline script of the build, so that the policy needs no ``unsafe-inline`` for scripts."""

import json
import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Unpack

from reflex.plugins import Plugin
from reflex.utils.prerequisites import get_web_dir
from reflex_base.plugins.base import PostBuildContext

_INLINE = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)


def hashes_path() -> Path:
    """File of the build's hashes, which the server reads."""
    return Path(get_web_dir()) / "backend" / "csp.json"


def inline_script_hashes(html: bytes) -> set[str]:
    """The CSP source of each inline script of a page."""
    return {f"'sha256-{b64encode(sha256(body).digest()).decode()}'" for body in _INLINE.findall(html)}


@dataclass
class CSPPlugin(Plugin):
    """Hashes the inline scripts after the build."""

    def post_build(self, **context: Unpack[PostBuildContext]) -> None:
        """Write all pages' hashes into one file beside the build."""
        found: set[str] = set()
        for page in Path(context["static_dir"]).rglob("*.html"):
            found |= inline_script_hashes(page.read_bytes())
        target = hashes_path()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(sorted(found)))
