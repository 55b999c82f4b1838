"""`python keeper.py`: ends the processes and deletes the folders that its starter leaves behind.

It is told of them in lines of JSON on standard input. The input's end says that the starter is gone, also where a
SIGKILL let it tidy up nothing. The kernel's own signal for that (PR_SET_PDEATHSIG) is no choice: it comes when the
*thread* ends that started a child. Only the standard library is imported, so that the start takes 20 ms.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PATIENCE_S = 10.0


class Kept(NamedTuple):
    """A process to end: its id and birth, the signal that asks it to stop, and whether it leads a group."""

    pid: int
    born: str
    stop_signal: int
    leads_group: bool

    def is_running(self) -> bool:
        """Whether it is still this process that has the id."""
        return bool(self.born) and birth(self.pid) == self.born


def main() -> None:
    """Listen until the starter is gone, then end and delete what is left."""
    kept: dict[int, Kept] = {}
    folders: list[str] = []
    for line in sys.stdin:
        match json.loads(line):
            case {"keep": process}:
                kept[process["pid"]] = Kept(**process)
            case {"forget": pid}:
                kept.pop(pid, None)
            case {"delete": folder}:
                folders.append(folder)
    end(kept.values())
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def end(kept: Collection[Kept], patience_s: float = PATIENCE_S) -> None:
    """Ask all to stop, and after some patience kill those that still run, with all that is left of their groups."""
    for each in kept:
        if each.is_running():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(each.pid, each.stop_signal)
    deadline = time.monotonic() + patience_s
    while any(each.is_running() for each in kept) and time.monotonic() < deadline:
        time.sleep(0.02)
    for each in kept:
        # An id is not given again while a group has it, so a group without a leader is still the old one.
        if each.leads_group and birth(each.pid) in {"", each.born}:
            kill_group(each.pid)
        elif each.is_running():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(each.pid, signal.SIGKILL)


def kill_group(group: int) -> None:
    """Kill every process left in a group that one of our children led."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def birth(pid: int) -> str:
    """Start time of a process as the system prints it; empty when it has ended. Ids are reused, times are not."""
    if Path("/proc/self/stat").exists():
        try:
            # The name in parentheses may hold spaces; the state and, 19 fields later, the start time follow it.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if fields[0] == "Z" else fields[19]
    asked = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    main()
