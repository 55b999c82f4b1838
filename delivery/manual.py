"""``python -m delivery.manual PORT``: the manual in both languages at one address, built again at every change.

MkDocs alone serves one language, and the link to the other leads nowhere.
"""

import signal
import sys
import tempfile
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.livereload import LiveReloadServer

ROOT = Path(__file__).parents[1]
# The English site lies in the Persian one, whose building empties the folder.
FOLDERS = {"fa": "", "en": "en"}
WATCHED = ("docs", "CHANGELOG.md", *(f"mkdocs.{lang}.yml" for lang in FOLDERS))
HOST = "127.0.0.1"


def build_both(site: Path) -> None:
    """Build both languages into a folder."""
    for lang, folder in FOLDERS.items():
        build(load_config(config_file=str(ROOT / f"mkdocs.{lang}.yml"), site_dir=str(site / folder)))


def main(argv: list[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM; returns the exit code."""
    [port] = argv or sys.argv[1:]
    # Who starts it in the background of a shell has it ignore Ctrl-C.
    for asked_to_end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked_to_end, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="manual-") as folder:
        site = Path(folder)
        server = LiveReloadServer(lambda: build_both(site), HOST, int(port), root=folder)
        build_both(site)
        for watched in WATCHED:
            server.watch(str(ROOT / watched))
        print(
            f"· the manual: http://{HOST}:{port}/ and http://{HOST}:{port}/en/ (Ctrl-C ends it)", flush=True
        )
        try:
            server.serve()  # type: ignore[no-untyped-call]  # as MkDocs left it
        except KeyboardInterrupt:
            server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
