"""What was seen for real, in real processes and on a real Prometheus: it is billed exactly, or held.

The truth is what this test let the processes count. The figures in the names are those that were billed once.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle, pairwise

import httpx
import pytest

from backend.clock import utc_now
from backend.sandbox.processes import free_port
from backend.usage.types import UsageFlag
from tests.integration.live_meters.live import (
    TIMEOUT_S,
    Live,
    Measured,
    application,
    counters,
    living,
    pool,
)
from tests.integration.usage.stand_in import Reply, serving
from tests.waiting import until

Count = Callable[[int, int], int]
ALL_TOKENS = 12_800
BY_PROCESS = (4000, 3600, 3000, 2200)
STEPS = 2


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with living(tmp_path_factory.mktemp("live")) as found:
        yield found


@pytest.fixture
def count() -> Iterator[Count]:
    with counters() as counter:
        yield counter


def use(count: Count, ports: Sequence[int]) -> None:
    """Let the process of each port count its tokens, in turns."""
    for _ in range(STEPS):
        for port, tokens in zip(ports, BY_PROCESS, strict=False):
            count(port, tokens // STEPS)


def held_between(found: Measured) -> tuple[int, int]:
    """Both figures of what fell, after a look whether it is held with the least."""
    [fall] = found.falls
    assert (found.row.held, found.row.tokens) == (True, fall.least_tokens)
    assert {UsageFlag.COUNTER_FELL, UsageFlag.ALTERNATES} & set(found.row.flags)
    return fall.least_tokens, fall.most_tokens


def test_workers_whose_files_are_deleted_are_held_around_9000_tokens_instead_of_4000(
    live: Live, count: Count
) -> None:
    (folder := live.folder / "counters").mkdir()
    env = {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    with application(live.folder, live.ports["files"], **env):
        start = live.begun("files")
        for tokens in (2000, 3000, 4000):
            for file in folder.glob("counter_*.db"):
                file.unlink()
            with application(live.folder, port := free_port(), **env):
                for step in range(1, STEPS + 1):
                    count(port, tokens // STEPS)
                    end = live.seen("files", tokens // STEPS * step)
        found = live.measure("files", start, end)

    least, most = held_between(found)
    assert least <= 9000 <= most


def test_processes_with_one_port_and_one_start_are_held_around_12800_tokens_instead_of_4000(
    live: Live, count: Count
) -> None:
    own = [free_port() for _ in BY_PROCESS]
    with pool(live.folder, own, shared=live.ports["shared-port"]):
        start = live.begun("shared-port")
        use(count, own)
        end = live.seen("shared-port", *BY_PROCESS)
        found = live.measure("shared-port", start, end)

    least, most = held_between(found)
    assert least <= ALL_TOKENS <= most


def test_four_workers_of_uvicorn_without_multiprocess_mode_are_held_and_never_above_the_truth(
    live: Live, count: Count
) -> None:
    port, answered = live.ports["pool"], list[int]()

    def is_seen_in_turn() -> bool:
        with ThreadPoolExecutor(4) as people:
            answered.extend(people.map(lambda _: count(port, 300), range(25)))
        told = live.starts("pool", start)
        left = [before for before, after in pairwise(told) if before != after]
        return len(answered) >= 100 and len(left) > len(set(left))

    with application(live.folder, port, "--workers=4"):
        start = live.begun("pool")
        until(is_seen_in_turn)
        found = live.measure("pool", start, utc_now())

    assert found.row.held
    assert UsageFlag.ALTERNATES in found.row.flags
    assert found.row.tokens <= 300 * len(answered)


def test_two_processes_behind_one_address_that_answer_in_turn_are_held(live: Live, count: Count) -> None:
    ports = [free_port(), free_port()]
    turns = cycle(ports)

    with ExitStack() as ending:
        client = ending.enter_context(httpx.Client(timeout=TIMEOUT_S))

        def forward(path: str, _: str) -> Reply:
            answer = client.get(f"http://127.0.0.1:{next(turns)}{path}")
            return answer.status_code, answer.content

        for port in ports:
            ending.enter_context(pool(live.folder, [port]))
        ending.enter_context(serving(port=live.ports["in-turn"])).answer = forward
        start = live.begun("in-turn")
        use(count, ports)
        live.seen("in-turn", *BY_PROCESS[:2], BY_PROCESS[0])
        turns = cycle(ports[1:])
        count(ports[0], 5000)
        end = live.seen("in-turn", BY_PROCESS[1], BY_PROCESS[1])
        found = live.measure("in-turn", start, end)

    assert found.row.held
    assert UsageFlag.ALTERNATES in found.row.flags
    assert found.row.tokens <= sum(BY_PROCESS[:2]) + 5000


def test_a_federation_of_equal_starts_is_held_instead_of_4000_tokens_of_12800(
    live: Live, count: Count
) -> None:
    with pool(live.folder, live.inner_ports):
        start = live.begun("federation")
        use(count, live.inner_ports)
        end = live.seen("federation", *BY_PROCESS)
        found = live.measure("federation", start, end)

    assert (found.row.held, found.row.tokens) == (True, max(BY_PROCESS))
    assert UsageFlag.SEVERAL_PROCESSES in found.row.flags


def test_a_federation_of_processes_with_starts_of_their_own_is_exact(live: Live, count: Count) -> None:
    with ExitStack() as ending:
        for port in live.inner_ports:
            ending.enter_context(pool(live.folder, [port]))
        start = live.begun("federation")
        use(count, live.inner_ports)
        end = live.seen("federation", *BY_PROCESS)
        found = live.measure("federation", start, end)

    # A machine under load scrapes too seldom for the seconds of this test; nothing else may be said of them.
    told = set(found.row.flags) - {UsageFlag.LOW_COVERAGE, UsageFlag.GAP_ACROSS_BOUNDARY}
    assert (told, found.row.tokens) == (set(), ALL_TOKENS)
