"""A real Prometheus that holds some Tehran days on which something went wrong."""

from collections.abc import Iterator

import pytest

from tests.integration.backups.owned import owned, owned_template, owner_password  # noqa: F401 - fixtures, once for all
from tests.integration.runbooks.mortal import Mortals, mortals
from tests.integration.usage.conftest import build_blocks, serve
from tests.integration.usage.nights import all_nights
from tests.integration.usage.unseen import unseen_worlds


@pytest.fixture(scope="session")
def nights_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus with every world of ``nights`` and ``unseen`` in it."""
    folder = tmp_path_factory.mktemp("nights-prometheus")
    build_blocks([*all_nights(), *unseen_worlds()], folder)
    child, url = serve(folder)
    yield url
    child.stop()


@pytest.fixture(scope="session")
def run_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mortals]:
    """Processes of runs that a test may kill at each step."""
    with mortals(tmp_path_factory.mktemp("mortals") / "log") as made:
        yield made
