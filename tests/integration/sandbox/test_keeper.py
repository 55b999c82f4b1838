"""Nothing outlives the process that started it, also when that one is killed."""

import signal
import subprocess
import sys

from backend.sandbox.keeper import Kept, birth, end
from backend.sandbox.postgres import REPOSITORY, throwaway_home
from backend.sandbox.processes import keep
from tests.waiting import until

# The thread that starts the first child ends at once; PostgreSQL's processes are in no group of ours.
STARTER = """
import os, signal, sys
from pathlib import Path
from threading import Thread

import psycopg
from backend.sandbox.postgres import PostgresServer, throwaway_home
from backend.sandbox.processes import Child, Command, delete_at_end, wait_until

folder = throwaway_home() / f"test-{os.getpid()}"
folder.mkdir()
delete_at_end(folder)
family = '''
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid, flush=True)
time.sleep(600)
'''
children = []
command = Command(name="family", argv=[sys.executable, "-c", family], log_path=folder / "family.log")
thread = Thread(target=lambda: children.append(Child(command)))
thread.start()
thread.join()
server = PostgresServer(folder / "data", durable=False)
server.start()
connection = psycopg.connect(server.url())
[child] = children
wait_until(lambda: child.log_tail() != "", child=child)
print(child.pid, child.log_tail(), server.child.pid, connection.info.backend_pid, flush=True)
signal.pause()
"""


def test_nothing_outlives_a_killed_starter() -> None:
    argv = [sys.executable, "-c", STARTER]
    with keep(subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)) as starter:
        assert starter.stdout is not None
        pids = [int(word) for word in starter.stdout.readline().split()]
        folder = throwaway_home() / f"test-{starter.pid}"
        assert [bool(birth(pid)) for pid in pids] == [True] * 4
        assert folder.exists()

        starter.kill()

    until(lambda: not any(map(birth, pids)) and not folder.exists(), 30)


def _sleeper(*, is_stubborn: bool = False) -> subprocess.Popen[str]:
    answer = "SIG_IGN" if is_stubborn else "SIG_DFL"
    program = f"""
import signal, time
signal.signal(signal.SIGTERM, signal.{answer})
print("ready", flush=True)
time.sleep(600)
"""
    argv = [sys.executable, "-c", program]
    sleeper = keep(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True))
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "ready\n"
    return sleeper


def _kept(sleeper: subprocess.Popen[str], *, born: str = "", leads_group: bool = True) -> Kept:
    return Kept(
        pid=sleeper.pid,
        born=born or birth(sleeper.pid),
        stop_signal=signal.SIGTERM,
        leads_group=leads_group,
    )


def test_who_does_not_stop_when_asked_is_killed() -> None:
    with _sleeper() as polite, _sleeper(is_stubborn=True) as leader, _sleeper(is_stubborn=True) as single:
        end([_kept(polite), _kept(leader), _kept(single, leads_group=False)], patience_s=0.5)

        codes = [each.wait(10) for each in (polite, leader, single)]

    assert codes == [-signal.SIGTERM, -signal.SIGKILL, -signal.SIGKILL]


def test_a_process_that_was_given_the_id_of_an_ended_one_is_left_alone() -> None:
    with _sleeper() as stranger:
        end([_kept(stranger, born="1"), _kept(stranger, born="1", leads_group=False)])

        assert stranger.poll() is None
        stranger.kill()
