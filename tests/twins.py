"""``python -m tests.twins``: write the synchronous twins of asynchronous modules."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The module that people edit, and the one that is made from it.
TWINS = {
    "backend/telemetry/asking_async.py": "backend/telemetry/asking.py",
    "backend/telemetry/metered_async.py": "backend/telemetry/metered.py",
}
SYNCHRONOUS = (
    (r"(from backend\.telemetry\.\w+)_async\b", r"\1"),
    (r"\basync (?=def |for |with )", ""),
    (r"\bawait ", ""),
    (r"\bAwaitable\[T\]", "T"),
    (r"\bAwaitable, ", ""),
    (r"\bAsyncGenerator\[T, None\]", "Generator[T, None, None]"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\b__a(iter|next|enter|exit)__", r"__\1__"),
    (r"\banext\(", "next("),
    (r"\baclose\(", "close("),
)


def twin_of(source: str) -> str:
    """The synchronous text of an asynchronous module, formatted."""
    for pattern, plain in SYNCHRONOUS:
        source = re.sub(pattern, plain, source)
    return _ruff("format", _ruff("check", source, "--select=I", "--fix-only", "--quiet"))


def _ruff(command: str, source: str, *options: str) -> str:
    run = [sys.executable, "-m", "ruff", command, *options, "--stdin-filename=twin.py", "-"]
    return subprocess.run(run, input=source, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def main() -> None:
    """Write every twin."""
    for source, twin in TWINS.items():
        (ROOT / twin).write_text(twin_of((ROOT / source).read_text()))


if __name__ == "__main__":
    main()
