"""Writes the committed package list in a stable form; Reflex varies it with the content of the build folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from reflex.plugins import Plugin
from reflex_base.constants import Bun, PackageJson
from reflex_base.plugins.base import PostBuildContext


def one_form(text: str) -> str:
    """The same JSON, indented, its keys in their order."""
    return json.dumps(json.loads(text), indent=2) + "\n"


@dataclass
class StableLockPlugin(Plugin):
    """Leaves a clean work tree behind a build that changed nothing."""

    def post_build(self, **_context: Unpack[PostBuildContext]) -> None:
        """Rewrite the list unless it is in its form already."""
        path = Path(Bun.ROOT_LOCKFILE_DIR) / PackageJson.PATH
        if path.is_file() and (text := path.read_text()) != (stable := one_form(text)):
            path.write_text(stable)
