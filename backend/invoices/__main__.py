"""``python -m backend.invoices``: show the invoices under review, and issue one of them."""

import argparse
import sys
from collections.abc import Sequence
from uuid import UUID

from backend.command_line import CLI, obey
from backend.days import in_both
from backend.invoices import service
from backend.invoices.types import HeldInvoice, InvoiceId
from backend.log import configure_logging
from backend.usage.types import FallFigure

PAGE = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; 0 when it was done, 1 with a sentence when it was refused."""
    return obey(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.invoices", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("held", help="show the invoices under review, the oldest day first").set_defaults(
        run=_held
    )
    release = commands.add_parser("release", help="issue an invoice that is under review")
    release.add_argument("invoice", type=UUID, help="its id, as held shows it")
    release.add_argument("--reason", required=True, help="kept in the audit trail")
    release.add_argument(
        "--figure",
        type=FallFigure,
        choices=list(FallFigure),
        help="how much of the meters that fell is billed: all that rose, or also what was left after each fall",
    )
    release.set_defaults(run=_release)
    return parser


def _held(_: argparse.Namespace) -> None:
    for number in range(0, service.count_held(CLI), PAGE):
        for each in service.held(CLI, PAGE, number):
            print(_line(each))


def _line(held: HeldInvoice) -> str:
    invoice = held.invoice
    head = (
        f"{invoice.id}  {in_both(invoice.day)}  {invoice.tenant_name_en}  {', '.join(invoice.held_reasons)}"
    )
    if not held.figures:
        return f"{head}  {invoice.tokens} tokens  {_rial(held.would_cost_rial)}"
    told = [f"{each.figure}: {each.tokens} tokens, {_rial(each.would_cost_rial)}" for each in held.figures]
    return "  ".join([head, *told])


def _rial(amount_rial: int | None) -> str:
    return "no price yet" if amount_rial is None else f"{amount_rial} Rial"


def _release(chosen: argparse.Namespace) -> None:
    issued = service.release(CLI, InvoiceId(chosen.invoice), chosen.reason, chosen.figure)
    print(
        f"{issued.number or 'closed without an invoice'}: {issued.tokens} tokens, {issued.amount_rial} Rial"
    )


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
