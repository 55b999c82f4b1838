from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Barrier

from backend.sandbox.site import Site


def test_parts_that_start_side_by_side_remember_the_same(tmp_path: Path) -> None:
    site = Site(tmp_path, history_days=0, use="e2e")
    numbers, together = count(), Barrier(8)

    def ask(_: int) -> str:
        together.wait()
        return site.remembered("since", lambda: f"text {next(numbers)}")

    with ThreadPoolExecutor(8) as pool:
        told = set(pool.map(ask, range(8)))

    assert len(told) == 1
    assert told.pop().startswith("text ")
    assert (tmp_path / "since").stat().st_mode & 0o077 == 0
