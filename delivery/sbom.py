"""``python -m delivery.sbom FILE``: what production is made of, in CycloneDX: Python's packages and the front end's.

Both are read from their lock files, so the same commit lists the same, byte by byte. What the base images bring is in
the list that is made with each image.
"""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

ROOT = Path(__file__).parents[1]
PYTHON_LOCK = "delivery/requirements/product.txt"
FRONT_END_LOCK = "reflex.lock/bun.lock"


def of_python() -> dict[str, Any]:
    """The list of the product's Python packages."""
    command = (sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements")
    options = ("--output-reproducible", "--pyproject", "pyproject.toml")
    done = subprocess.run([*command, *options, PYTHON_LOCK], cwd=ROOT, capture_output=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def of_front_end(lock: str) -> list[dict[str, Any]]:
    """The packages of a lock file of Bun, each version once."""
    # It is JSON with a comma behind the last of everything, which YAML allows.
    locked = yaml.load(lock, yaml.CSafeLoader)["packages"].values()
    found = {component["purl"]: component for component in map(_component, locked)}
    return [found[purl] for purl in sorted(found)]


def _component(locked: list[Any]) -> dict[str, Any]:
    """One package: ``["@scope/name@1.2.3", registry, facts, "sha512-..."]``."""
    name, _, version = str(locked[0]).rpartition("@")
    scope, _, bare = name.rpartition("/")
    purl = f"pkg:npm/{quote(name, safe='/')}@{quote(version, safe='')}"
    kind, _, digest = str(locked[-1]).partition("-")
    return {
        "bom-ref": purl,
        **({"group": scope} if scope else {}),
        "hashes": [{"alg": kind.replace("sha", "SHA-"), "content": base64.b64decode(digest).hex()}],
        "name": bare,
        "purl": purl,
        "type": "library",
        "version": version,
    }


def whole() -> dict[str, Any]:
    """The list of everything that is locked for production."""
    made = of_python()
    front_end = of_front_end((ROOT / FRONT_END_LOCK).read_text())
    made["components"] += front_end
    made["dependencies"] += [{"ref": each["bom-ref"]} for each in front_end]
    return made


def main(argv: list[str] | None = None) -> int:
    """Write the list; returns the exit code."""
    [target] = argv or sys.argv[1:]
    made = whole()
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(json.dumps(made, indent=2) + "\n")
    print(f"· {target}: {len(made['components'])} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
