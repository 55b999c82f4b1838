"""Processes of a stack that was killed before it could end them; the next start of the same folder does."""

import json
import subprocess
from pathlib import Path

from backend.sandbox.processes import kill_group


def remember(state_dir: Path, name: str, pid: int) -> None:
    """Write down a process group that belongs to this folder."""
    folder = state_dir / "run"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"pid": pid, "born": birth(pid)}))


def end_leftovers(state_dir: Path) -> None:
    """Kill every remembered group whose leader is still the same process, and forget all."""
    for path in (state_dir / "run").glob("*.json"):
        known = json.loads(path.read_text())
        if known["born"] and birth(known["pid"]) == known["born"]:
            kill_group(known["pid"])
        path.unlink()


def birth(pid: int) -> str:
    """Start time of a process as the system prints it; empty without the process. Ids are reused, times are not."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name in parentheses may hold spaces; the start time is the 20th field after it.
            return stat.read_text().rpartition(")")[2].split()[19]
        except (FileNotFoundError, ProcessLookupError):
            return ""
    asked = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
