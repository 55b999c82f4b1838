"""``python -m runbooks run RUN_ID``: do for a run what it waits for. ``python -m runbooks list`` names the actions.

``python -m runbooks ask ACTION --as EMAIL`` asks for a run as a person.

Exit codes: 0 done, also when another process has the run or it ended as it should; 1 the run failed; 2 asked wrongly.
"""

import argparse
import sys
from collections.abc import Sequence
from uuid import UUID

from backend.config import settings_or_exit
from backend.errors import AppError
from backend.i18n.errors import sentence_of
from backend.log import configure_logging
from backend.runbooks.types import RunId, RunStage
from backend.tracing import spans
from runbooks import asking_command, registry
from runbooks.engine import work_on


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    asked = _parser().parse_args(argv)
    if asked.command == "list":
        for name, action in registry.actions().items():
            print(f"{name}  {action.risk}")
        return 0
    settings_or_exit()
    spans.start("runbooks")
    try:
        if asked.command == "ask":
            print(asking_command.ask(asked))
            return 0
        return 1 if work_on(RunId(asked.run_id), asked.process) is RunStage.FAILED else 0
    except AppError as error:
        print(sentence_of(error), file=sys.stderr)
        return 1
    finally:
        spans.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m runbooks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="plan a run, or take its steps")
    run.add_argument("run_id", type=UUID)
    run.add_argument("--process", default="", help="the name under which the launcher looks for this process")
    commands.add_parser("list", help="name the actions")
    asking_command.add_to(commands)
    return parser


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
