"""An installation holds the whole product, and nothing of its stand-ins and tests."""

from hatchling.builders.wheel import WheelBuilder

from tests.guards.rules import PRODUCTION, ROOT

MADE_WHILE_RUNNING = {"__pycache__"}


def installed() -> set[str]:
    """The files of a wheel, by their paths in it."""
    return {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}


def product() -> set[str]:
    """Every file below the product's packages, data files too, save the sandbox."""
    files = (
        path.relative_to(ROOT) for top in PRODUCTION for path in (ROOT / top).rglob("*") if path.is_file()
    )
    return {
        str(path)
        for path in files
        if not MADE_WHILE_RUNNING & set(path.parts) and path.parts[:2] != ("backend", "sandbox")
    }


def test_an_installation_is_the_product_without_sandbox_and_tests() -> None:
    assert installed() == product()
