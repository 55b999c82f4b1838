"""``python -m backend.payments``: book credit that an operator paid back to a company."""

import argparse
import sys
from collections.abc import Sequence

from backend.accounts import service as accounts
from backend.command_line import CLI, obey, whole_number
from backend.i18n import format as fmt
from backend.log import configure_logging
from backend.payments import service


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; 0 when it was done, 1 with a sentence when it was refused."""
    return obey(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.payments", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    pay_out = commands.add_parser(
        "pay-out", help="book that credit was paid back to a company; the transfer itself is made at the bank"
    )
    pay_out.add_argument("--tenant", metavar="LABEL", required=True)
    pay_out.add_argument(
        "--amount-rial", type=whole_number, required=True, help="at most the company's credit"
    )
    pay_out.add_argument("--reason", required=True, help="stays in the audit trail")
    pay_out.add_argument(
        "--key",
        required=True,
        help="names this payout, such as the transfer's number; the same one books once",
    )
    pay_out.set_defaults(run=_pay_out)
    return parser


def _pay_out(chosen: argparse.Namespace) -> None:
    tenant_id = accounts.tenant_with_label(CLI, chosen.tenant)
    paid = service.pay_out_credit(CLI, tenant_id, chosen.amount_rial, chosen.reason, chosen.key)
    what = "Booked" if paid.is_new else "Was booked already"
    amount, left = fmt.toman(paid.amount_rial, "en"), fmt.toman(paid.balance_rial, "en")
    print(f"{what}: {amount} paid out to {chosen.tenant}. Its credit is now {left}.")


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
