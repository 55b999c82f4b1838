"""Bases made by mmdebstrap, which stand in for the official images where there is no registry."""

from dataclasses import dataclass
from pathlib import Path

from backend.sandbox.tools import LOCAL
from delivery.images.building import run

HOME = LOCAL / "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base image: the release and the packages of Debian that it is made of, and the environment that it sets."""

    argument: str
    """The argument of the Dockerfile that it is given to."""
    name: str
    suite: str
    packages: tuple[str, ...]
    env: str = ""

    @property
    def image(self) -> str:
        """The name under which buildah knows it."""
        return f"localhost/{self.name}"


BASES = (
    Base(
        argument="BASE",
        name="python:3.13-slim-trixie",
        suite="trixie",
        packages=("python3", "python3-venv", "ca-certificates"),
    ),
    # Debian's own stable release is one major version behind.
    Base(
        argument="POSTGRES",
        name="postgres:18-trixie",
        suite="sid",
        packages=("postgresql-client-18",),
        env="ENV PG_MAJOR=18",
    ),
)


def make(base: Base) -> None:
    """Make the base unless it is there already."""
    folder = HOME / base.argument.lower()
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "root.tar"
    if not archive.exists():
        draft = folder / "draft.tar"
        # A mirror may be a copy of some weeks ago, whose promise has run out.
        late = 'Acquire::Check-Valid-Until "false"'
        include = f"--include={','.join(base.packages)}"
        argv = ["mmdebstrap", "--variant=minbase", f"--aptopt={late}", include, base.suite, str(draft)]
        run(argv, folder / "mmdebstrap.log")
        draft.rename(archive)
    recipe = folder / "Dockerfile"
    recipe.write_text(f"FROM scratch\nADD root.tar /\n{base.env}\n")
    _tag(base, folder, recipe)


def _tag(base: Base, folder: Path, recipe: Path) -> None:
    build = ["buildah", "bud", "--isolation", "chroot", "--format", "docker", "--layers"]
    run([*build, "--tag", base.image, "--file", str(recipe), str(folder)], folder / "build.log")
