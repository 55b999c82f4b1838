"""Child processes end without a trace, also when nobody ended them in time."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from backend.sandbox import processes
from backend.sandbox.leftovers import end_leftovers, remember
from backend.sandbox.processes import Child, Command, SandboxError, free_port, wait_until

FAMILY = """
import signal, subprocess, sys, time
{stubborn}
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def _family(folder: Path, *, stubborn: bool = False, stop_timeout_s: float = 10.0) -> tuple[Child, int]:
    script = FAMILY.format(stubborn=STUBBORN if stubborn else "")
    log_path = folder / "family.log"
    argv = [sys.executable, "-c", script]
    child = Child(Command(name="family", argv=argv, log_path=log_path, stop_timeout_s=stop_timeout_s))
    wait_until(lambda: child.log_tail() != "", child=child)
    return child, int(child.log_tail())


def _ends(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if (
            Path(f"/proc/{pid}/stat").exists()
            and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][1] == "Z"
        ):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("stubborn", [False, True], ids=["polite", "stubborn"])
def test_stopping_ends_the_whole_family(tmp_path: Path, stubborn: bool) -> None:
    child, grandchild = _family(tmp_path, stubborn=stubborn, stop_timeout_s=0.5)

    child.stop()
    child.stop()

    assert not child.is_running()
    assert _ends(grandchild)


def test_a_killed_starters_family_is_ended_by_the_next_one(tmp_path: Path) -> None:
    child, grandchild = _family(tmp_path)
    remember(tmp_path, "family", child.pid)

    end_leftovers(tmp_path)

    assert child.process.wait(10) == -signal.SIGKILL
    assert _ends(grandchild)
    assert list((tmp_path / "run").iterdir()) == []


def test_a_reused_process_id_is_left_alone(tmp_path: Path) -> None:
    child, _ = _family(tmp_path)
    remember(tmp_path, "family", child.pid)
    note = tmp_path / "run" / "family.json"
    note.write_text(note.read_text().replace('"born": "', '"born": "9'))

    end_leftovers(tmp_path)

    assert child.is_running()
    child.stop()


def test_a_child_that_dies_early_is_reported_with_its_last_words(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('the port is taken')"]
    child = Child(Command(name="early", argv=argv, log_path=tmp_path / "early.log"))

    with pytest.raises(SandboxError, match=r"early ended with code 1:\nthe port is taken"):
        wait_until(lambda: False, child=child)


def test_a_port_that_a_server_is_about_to_take_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given, free = free_port(), free_port()
    os.close(processes._claims.pop())
    monkeypatch.setattr(processes, "PORTS", [given] * 99 + [free])

    assert free_port() == free
