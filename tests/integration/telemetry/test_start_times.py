"""The start time of the counters, in real processes: exported once, by all alike, and new when the counters are."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from backend.sandbox.processes import keep
from backend.telemetry.exposition import expose
from backend.telemetry.start_time import START_TIME, announce_start_time, write_merged_start_time

ROOT = Path(__file__).parents[3]

COUNT = """
from backend.telemetry import metrics
metrics.count_tokens("arvand", "gpt-5.2", metrics.TokenType.PROMPT, 10)
"""
EXPOSE = """
import sys
from backend.telemetry.exposition import expose
from backend.telemetry import metrics
sys.stdout.write(expose().body.decode())
"""
PRELOAD_AND_FORK = """
import os
from backend.telemetry import metrics
for _ in range(2):
    if os.fork() == 0:
        metrics.count_tokens("arvand", "gpt-5.2", metrics.TokenType.PROMPT, 10)
        os._exit(0)
os.wait(), os.wait()
"""


def _start(code: str, folder: Path | None) -> subprocess.Popen[str]:
    env = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    if folder is not None:
        env["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    return keep(
        subprocess.Popen([sys.executable, "-c", code], env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    )


def _run(code: str, folder: Path | None) -> str:
    with _start(code, folder) as process:
        text, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return text


def _values(text: str, name: str) -> list[float]:
    return [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]


def test_one_process_tells_its_start_once() -> None:
    before = time.time()

    starts = _values(_run(EXPOSE, None), START_TIME)

    assert len(starts) == 1
    # The kernel counts a process's start in ticks since a boot time that is known to the second.
    assert abs(starts[0] - before) < 10


def test_workers_that_come_and_go_share_one_start_time(tmp_path: Path) -> None:
    born = time.time()
    _run(COUNT, tmp_path)
    first = _run(EXPOSE, tmp_path)
    _run(COUNT, tmp_path)
    second = _run(EXPOSE, tmp_path)

    assert _values(first, START_TIME) == _values(second, START_TIME)
    assert born <= _values(first, START_TIME)[0] <= time.time()
    assert _values(first, "openai_tokens_total") == [10]
    assert _values(second, "openai_tokens_total") == [20]


def test_workers_that_are_forked_after_loading_share_one_start_time(tmp_path: Path) -> None:
    before = time.time()
    _run(PRELOAD_AND_FORK, tmp_path)

    text = _run(EXPOSE, tmp_path)

    assert _values(text, "openai_tokens_total") == [20]
    assert len(_values(text, START_TIME)) == 1
    assert _values(text, START_TIME)[0] >= before


def test_counters_that_are_wiped_begin_with_a_new_start_time(tmp_path: Path) -> None:
    _run(COUNT, tmp_path)
    (old,) = _values(_run(EXPOSE, tmp_path), START_TIME)
    for file in tmp_path.glob("*.db"):
        file.unlink()

    _run(COUNT, tmp_path)
    text = _run(EXPOSE, tmp_path)

    assert _values(text, "openai_tokens_total") == [10]
    assert _values(text, START_TIME)[0] > old


def test_workers_that_start_at_once_agree(tmp_path: Path) -> None:
    workers = [_start(EXPOSE, tmp_path) for _ in range(4)]
    texts = [worker.communicate(timeout=60)[0] for worker in workers]

    assert len({tuple(_values(text, START_TIME)) for text in texts}) == 1
    assert list(tmp_path.glob("*.draft")) == []


def test_a_scrape_while_another_worker_opens_its_file_tells_all_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(COUNT, tmp_path)
    (tmp_path / "counter_4711.db").touch()  # as the library leaves it between opening and sizing
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))

    text = expose().body.decode()

    assert _values(text, "openai_tokens_total") == [10]
    assert len(_values(text, START_TIME)) == 1


def test_a_scrape_after_the_folder_was_emptied_still_tells_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "new"))

    assert len(_values(expose().body.decode(), START_TIME)) == 1


def _exposed(registry: CollectorRegistry) -> list[str]:
    return [family.name for family in registry.collect() if family.name == START_TIME]


@pytest.mark.parametrize("proc", ["/proc", "/no-such-folder"], ids=["as here", "as on macOS"])
def test_the_start_is_exported_once_with_and_without_proc(proc: str) -> None:
    registry = CollectorRegistry(auto_describe=True)
    ProcessCollector(proc=proc, registry=registry)

    announce_start_time(registry)
    announce_start_time(registry)

    assert _exposed(registry) == [START_TIME]


def test_writing_the_start_time_twice_keeps_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    write_merged_start_time(tmp_path)
    (first,) = _values(expose().body.decode(), START_TIME)

    write_merged_start_time(tmp_path)

    assert _values(expose().body.decode(), START_TIME) == [first]
