"""Shared parts of the features' commands: the actor, and refusals as a sentence and an exit code."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import date

from backend.actor import Actor
from backend.config import settings_or_exit
from backend.days import read_day
from backend.errors import AppError, Invalid
from backend.free_text import number
from backend.i18n.errors import error_text, sentence_of

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
        print(sentence_of(error), file=sys.stderr)
        return 1


def day(written: str) -> date:
    """A day of a command line, Gregorian or Jalali; the type of an argument of ``argparse``."""
    try:
        return read_day(written)
    except Invalid as refused:
        raise argparse.ArgumentTypeError(f"{written!r}: {error_text(refused, 'en')}") from None


def whole_number(written: str) -> int:
    """A whole number of a command line, also in Persian or Arabic digits and in groups of three."""
    try:
        return int(number(written))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{written!r} is no whole number") from None
