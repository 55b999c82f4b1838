"""Processes of a killed stack that still run when the same folder is started again: their keeper is slower, or dead."""

import json
from pathlib import Path

from backend.sandbox.keeper import birth, kill_group


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
