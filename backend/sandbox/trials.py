"""Whether a program that was found does its work here: it is really started, once for each state of its file."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from backend.sandbox.alertmanager import AlertmanagerServer
from backend.sandbox.processes import SandboxError
from backend.sandbox.prometheus import PrometheusServer

Trial = Callable[[Path], bool]

TRIAL_S = 60
ONE_SAMPLE = "# TYPE up gauge\nup 1 1700000000\n# EOF\n"
A_PAGE = "<p>a page</p>"


def first_that_works(candidates: Iterable[Path], trial: Trial, memory: Path) -> Path | None:
    """The first program that passes its trial; ``memory`` keeps those that passed until their file changes."""
    return next((each for each in candidates if _works(each, trial, memory)), None)


def in_folders(names: Sequence[str], folders: Iterable[str]) -> list[Path]:
    """Every file of one of these names that may be run, folder by folder."""
    found = (Path(folder) / name for folder in folders if folder for name in names)
    return [path for path in found if path.is_file() and os.access(path, os.X_OK)]


def _works(program: Path, trial: Trial, memory: Path) -> bool:
    state = program.stat()
    mark = f"{program.resolve()} {state.st_size} {state.st_mtime_ns}"
    passed: dict[str, str] = json.loads(memory.read_text()) if memory.exists() else {}
    if passed.get(str(program)) == mark:
        return True
    if not trial(program):
        return False
    draft = memory.with_name(f"{memory.name}.{os.getpid()}")
    draft.write_text(json.dumps(passed | {str(program): mark}, indent=1))
    draft.replace(memory)
    return True


def serves_queries(prometheus: Path) -> bool:
    """Whether this Prometheus starts and becomes ready."""
    with tempfile.TemporaryDirectory() as folder:
        return _starts(PrometheusServer(prometheus, Path(folder)))


def takes_alerts(alertmanager: Path) -> bool:
    """Whether this Alertmanager starts and becomes ready; without its templates it does not."""
    with tempfile.TemporaryDirectory() as folder:
        return _starts(AlertmanagerServer(alertmanager, Path(folder)))


def writes_blocks(promtool: Path) -> bool:
    """Whether this promtool turns text into blocks, which old ones do not."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "one.om"
        source.write_text(ONE_SAMPLE)
        return (
            said([str(promtool), "tsdb", "create-blocks-from", "openmetrics", str(source), folder])
            is not None
        )


def tells_its_version(program: Path) -> bool:
    """Whether a program starts: a snap's stand-in and a foreign architecture do not."""
    return said([str(program), "--version"]) is not None


def shows_a_page(chromium: Path) -> bool:
    """Whether this Chromium starts without a screen and reads a page."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        place = [f"--user-data-dir={folder}", "--dump-dom", f"data:text/html,{A_PAGE}"]
        return A_PAGE in (said([str(chromium), *switches, *place]) or "")


def said(argv: Sequence[str], env: Mapping[str, str] | None = None) -> str | None:
    """Output of a program that succeeded, else ``None``."""
    try:
        run = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=TRIAL_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout if run.returncode == 0 else None


def _starts(server: PrometheusServer | AlertmanagerServer) -> bool:
    try:
        server.start()
    except (SandboxError, OSError):
        return False
    finally:
        server.stop()
    return True
