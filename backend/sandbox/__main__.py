"""`python -m backend.sandbox up | dev | reset | exec COMMAND...`: the laptop's stack from a terminal."""

import argparse
import json
import os
import sys
from pathlib import Path

from backend.sandbox.companies import HISTORY_DAYS
from backend.sandbox.dev import DevStack, DevWatch
from backend.sandbox.processes import SandboxError
from backend.sandbox.stack import Stack
from backend.sandbox.up import Watch, up


def run(options: argparse.Namespace) -> int:
    """Do what the command line says; the answer is the exit code."""
    match options.command:
        case "up":
            return up(Watch(stack=_stack(options)))
        case "dev":
            stack = DevStack(options.state, history_days=options.history_days, use=options.use)
            return up(DevWatch(stack=stack))
        case "reset":
            _stack(options).forget()
            print("✓ the demo's data is forgotten")
            return 0
        case _:
            return _exec(_stack(options).state_dir / "environment.json", options.argv)


def _stack(options: argparse.Namespace) -> Stack:
    return Stack(options.state, history_days=options.history_days, use=options.use)


def _exec(known: Path, argv: list[str]) -> int:
    """Run a command with the settings of the running stack, or with the caller's own when there are any."""
    if "DATABASE_URL" not in os.environ:
        if not known.exists():
            raise SandboxError(
                "The demo does not run. Start it with `make demo`, or set DATABASE_URL and the rest."
            )
        os.environ.update(json.loads(known.read_text()))
    os.execvp(argv[0], argv)  # noqa: S606 - the command is the caller's own


def main(argv: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m backend.sandbox", description=__doc__)
    parser.add_argument("--use", default="demo", help="names the state folder and the front end's build")
    parser.add_argument("--state", type=Path, help="another state folder than .local/USE")
    parser.add_argument("--history-days", type=int, default=HISTORY_DAYS)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything and watch over it")
    commands.add_parser("dev", help="the same, and show what is changed in the code within seconds")
    commands.add_parser("reset", help="forget all data")
    commands.add_parser("exec", help="run a command in the running stack's environment").add_argument(
        "argv", nargs=argparse.REMAINDER
    )
    try:
        return run(parser.parse_args(argv))
    except SandboxError as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
