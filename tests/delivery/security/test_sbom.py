"""The list of what production is made of names every locked package, of Python and of the front end, with its hash."""

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from delivery import sbom
from tests.delivery.images.test_dockerfile import pins


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("sbom") / "new" / "sbom.json"
    assert sbom.main([str(target)]) == 0
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(target.read_text()) is None
    read: dict[str, Any] = json.loads(target.read_text())
    return read


def purls(listed: dict[str, Any], kind: str) -> set[str]:
    return {each["purl"] for each in listed["components"] if each["purl"].startswith(f"pkg:{kind}/")}


def test_every_locked_package_of_python_is_listed(listed: dict[str, Any]) -> None:
    locked = pins(sbom.ROOT / sbom.PYTHON_LOCK)

    assert purls(listed, "pypi") == {f"pkg:pypi/{name}@{version}" for name, (version, _) in locked.items()}


def test_every_locked_package_of_the_front_end_is_listed(listed: dict[str, Any]) -> None:
    wanted = json.loads((sbom.ROOT / "reflex.lock/package.json").read_text())
    direct = {**wanted["dependencies"], **wanted["devDependencies"]}
    lines = (sbom.ROOT / sbom.FRONT_END_LOCK).read_text().partition('"packages": {')[2].splitlines()
    locked = {line.split('["')[1].split('"')[0] for line in lines if '": ["' in line}
    named = {each.removeprefix("pkg:npm/").replace("%40", "@") for each in purls(listed, "npm")}

    assert {f"{name}@{version.removeprefix('v')}" for name, version in direct.items()} <= named
    assert named == locked


def test_no_package_comes_twice_and_each_has_its_hash(listed: dict[str, Any]) -> None:
    front_end = [each for each in listed["components"] if each["purl"].startswith("pkg:npm/")]

    references = [each["bom-ref"] for each in listed["components"]]
    assert len(references) == len(set(references))
    assert {len(each["hashes"][0]["content"]) for each in front_end} == {128}


def test_a_package_in_two_places_is_one_and_one_in_two_versions_is_two() -> None:
    lock = """{"packages": {
        "a": ["a@1.0.0", "", {}, "sha512-AAAA"],
        "@s/b": ["@s/b@2.0.0", "", {}, "sha512-AAAA"],
        "@s/b/a": ["a@1.0.0", "", {}, "sha512-AAAA"],
        "c/a": ["a@3.0.0-rc.1", "", {}, "sha512-AAAA"],
    }}"""

    assert [each["purl"] for each in sbom.of_front_end(lock)] == [
        "pkg:npm/%40s/b@2.0.0",
        "pkg:npm/a@1.0.0",
        "pkg:npm/a@3.0.0-rc.1",
    ]
