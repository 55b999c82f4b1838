"""``python -m backend.tenants``: create and list the customer companies."""

import argparse
import sys
from collections.abc import Callable, Sequence
from datetime import date

from backend.actor import Actor
from backend.clock import billing_day, utc_now
from backend.config import settings_or_exit
from backend.errors import AppError
from backend.i18n.catalog import DEFAULT_LANGUAGE, LANGUAGES, as_language, error_text
from backend.log import configure_logging
from backend.tenants import service
from backend.tenants.types import NewTenant

CLI = Actor.process_named("cli")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; 0 when it was done, 1 with a sentence when it was refused."""
    chosen = _parser().parse_args(arguments)
    settings_or_exit()
    run: Callable[[argparse.Namespace], None] = chosen.run
    try:
        run(chosen)
    except AppError as error:
        print(error_text(error, "en"), file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.tenants", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="create a company; usage under its label is then its own")
    create.add_argument("--label", required=True, help="the value of the tenant label on the counters")
    create.add_argument("--name-fa", required=True)
    create.add_argument("--name-en", required=True)
    create.add_argument("--billing-email", required=True)
    create.add_argument(
        "--billed-from", type=date.fromisoformat, help="first day to bill; today unless given"
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
    print(f"Created {tenant.label} ({tenant.id}), billed from {tenant.billed_from}.")


def _list(_chosen: argparse.Namespace) -> None:
    for tenant in service.all_tenants(CLI):
        print(f"{tenant.label}\t{tenant.name_en}\t{tenant.name_fa}\t{tenant.billing_email}")


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
