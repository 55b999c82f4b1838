"""Checks that end a web process before it serves, each with a sentence."""

import sys

from reflex.utils.exec import is_prod_mode

from backend.config import settings
from backend.db.start import refuse_unsuitable_database
from portal.http import seller_logo


def refuse_wrong_start() -> None:
    """End the process with exit code 2 when a setting, the logo or the database does not fit.

    The parent of several workers asks too, so that a wrong setting starts none.
    """
    seller_logo.read_logo_or_exit()
    refuse_unsuitable_database()
    if settings().is_production and not is_prod_mode():
        print("Setting REFLEX_ENV_MODE: must be prod in production.", file=sys.stderr)  # noqa: T201 - as settings do
        sys.exit(2)
