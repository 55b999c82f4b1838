"""What the features' own commands have in common: the actor, and a refusal that is a sentence and an exit code."""

import argparse
import sys
from collections.abc import Callable, Sequence

from backend.actor import Actor
from backend.config import settings_or_exit
from backend.errors import AppError
from backend.i18n.catalog import error_text

CLI = Actor.process_named("cli")


def obey(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Run what the chosen command set as its default ``run``; None stands for the process's own arguments.

    Returns 0 when it was done, or the exit code that ``run`` returns, and 1 with an English sentence on standard error
    when it was refused. Wrong arguments and wrong settings end the process.
    """
    chosen = parser.parse_args(arguments)
    settings_or_exit()
    run: Callable[[argparse.Namespace], int | None] = chosen.run
    try:
        return run(chosen) or 0
    except AppError as error:
        print(error_text(error, "en"), file=sys.stderr)
        return 1
