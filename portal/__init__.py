"""The web process: Reflex pages over the services of backend, and the plain routes beside them."""

from pathlib import Path

from backend.i18n import catalog

_HERE = Path(__file__).parent

catalog.add_folders(
    [_HERE, _HERE / "http", *sorted(path for path in (_HERE / "features").iterdir() if path.is_dir())]
)
