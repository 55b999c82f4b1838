"""``python -m backend.tenants``: create and list the customer companies."""

import argparse
import sys
from collections.abc import Sequence

from backend.clock import billing_day, utc_now
from backend.command_line import CLI, day, obey
from backend.days import in_both
from backend.i18n.catalog import DEFAULT_LANGUAGE, LANGUAGES, as_language
from backend.log import configure_logging
from backend.tenants import service
from backend.tenants.types import NewTenant


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; 0 when it was done, 1 with a sentence when it was refused."""
    return obey(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.tenants", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="create a company; usage under its label is then its own")
    create.add_argument("--label", required=True, help="the value of the tenant label on the counters")
    create.add_argument("--name-fa", required=True)
    create.add_argument("--name-en", required=True)
    create.add_argument("--billing-email", required=True)
    create.add_argument(
        "--billed-from",
        metavar="DAY",
        type=day,
        help="first day to bill, such as 2026-12-01 or 1405-09-10; today unless given",
    )
    create.add_argument("--language", default=DEFAULT_LANGUAGE, choices=LANGUAGES)
    for legal in ("economic-code", "national-id", "postal-address", "postal-code"):
        create.add_argument(f"--{legal}", help="printed on invoices when given")
    create.set_defaults(run=_create)
    commands.add_parser("list", help="show every company").set_defaults(run=_list)
    return parser


def _create(chosen: argparse.Namespace) -> None:
    tenant = service.create(
        CLI,
        NewTenant(
            label=chosen.label,
            name_fa=chosen.name_fa,
            name_en=chosen.name_en,
            billing_email=chosen.billing_email,
            billed_from=chosen.billed_from or billing_day(utc_now()),
            language=as_language(chosen.language),
            economic_code=chosen.economic_code,
            national_id=chosen.national_id,
            postal_address=chosen.postal_address,
            postal_code=chosen.postal_code,
        ),
    )
    print(f"Created {tenant.label} ({tenant.id}), billed from {in_both(tenant.billed_from)}.")


def _list(_chosen: argparse.Namespace) -> None:
    for tenant in service.all_tenants(CLI):
        print(f"{tenant.label}\t{tenant.name_en}\t{tenant.name_fa}\t{tenant.billing_email}")


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
