"""A plugin of pytest that lets coverage follow the processes that tests start, each under the name of its test."""

import os

import pytest

SETTINGS = "MUTANTS_COVERAGE_SETTINGS"


def pytest_configure(config: pytest.Config) -> None:
    """Tell the children of a worker where the settings are; the workers themselves are measured already."""
    if hasattr(config, "workerinput"):
        os.environ["COVERAGE_PROCESS_START"] = os.environ[SETTINGS]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the built front end: a build takes minutes, and what it serves stands apart."""
    apart = [item for item in items if "built" in getattr(item, "fixturenames", ())]
    config.hook.pytest_deselected(items=apart)
    items[:] = [item for item in items if item not in apart]
