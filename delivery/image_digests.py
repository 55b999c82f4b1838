"""``python -m delivery.image_digests [--tag]``: the digests of the images that were built from a commit.

Reads REGISTRY, such as ghcr.io/acme/portal, and COMMIT, else the one that is checked out; ``--tag`` also gives them
the tag TAG. Prints ``web=sha256:...``, ``jobs=...`` and ``commit=...``, also into the file that GITHUB_OUTPUT names.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

PARTS = ("web", "jobs")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_IMAGETOOLS = ("docker", "buildx", "imagetools")


def _said(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv[:4])}: {done.stderr.strip()}")
    return done.stdout.strip()


def _set(name: str) -> str:
    if not os.environ.get(name):
        sys.exit(f"{name} is empty. Set REGISTRY, and TAG where tags are given.")
    return os.environ[name]


def image(part: str) -> str:
    """The name of a part's image, without tag. Registries take small letters only."""
    return f"{_set('REGISTRY').lower()}/portal-{part}"


def commit() -> str:
    """The commit whose images are meant."""
    return os.environ.get("COMMIT") or _said("git", "rev-parse", "HEAD")


def digest(part: str) -> str:
    """The digest of a part's image of the commit."""
    found = _said(
        *_IMAGETOOLS, "inspect", f"{image(part)}:sha-{commit()}", "--format", "{{.Manifest.Digest}}"
    )
    if not _DIGEST.fullmatch(found):
        sys.exit(f"The registry answered {found[:80]!r} where a digest belongs.")
    return found


def main(argv: list[str]) -> None:
    """Run the command line."""
    digests = {part: digest(part) for part in PARTS}
    if argv == ["--tag"]:
        for part, found in digests.items():
            _said(*_IMAGETOOLS, "create", "--tag", f"{image(part)}:{_set('TAG')}", f"{image(part)}@{found}")
    lines = "".join(f"{name}={value}\n" for name, value in {**digests, "commit": commit()}.items())
    print(lines, end="")
    if told := os.environ.get("GITHUB_OUTPUT"):
        with Path(told).open("a") as output:
            output.write(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
