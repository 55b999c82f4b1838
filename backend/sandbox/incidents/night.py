"""``python -m backend.sandbox.incidents.night miss | catch-up``: a night that was not billed, and its end.

Missing it pauses the nightly billing, as an operator may who forgets it, and forgets the readings of the newest
billed day, as if no process had read them. Issued invoices stay: the night's number is still theirs.
"""

import argparse

from sqlalchemy import text

from backend.accounts import service as accounts
from backend.actor import Actor
from backend.db.engine import transaction
from backend.errors import Conflict
from backend.job_runs import control_service as jobs

JOB = "nightly_billing"
OPERATOR = "operator@docuchat.example"
_FORGETTING = (
    "DELETE FROM measured_day WHERE day = :day",
    "DELETE FROM daily_usage WHERE day = :day",
    "DELETE FROM meter_reading WHERE day = :day",
)
_REASON = "یک حادثهٔ آزمایشی: شبِ جاافتاده"


def miss() -> None:
    """Pause the job, and forget the newest measured day. Idempotent."""
    try:
        jobs.pause(_operator(), JOB, _REASON)
    except Conflict:
        return
    with transaction() as connection:
        day = connection.execute(text("SELECT max(day) FROM measured_day")).scalar()
        for statement in _FORGETTING:
            connection.execute(text(statement), {"day": day})


def catch_up() -> None:
    """Resume the job and ask for a run now. Idempotent."""
    try:
        jobs.resume(_operator(), JOB)
        jobs.ask_to_run(_operator(), JOB)
    except Conflict:
        return


def _operator() -> Actor:
    return accounts.user_with_email(Actor.process_named("sandbox"), OPERATOR).actor


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m backend.sandbox.incidents.night", description=__doc__)
    parser.add_argument("what", choices=("miss", "catch-up"))
    miss() if parser.parse_args().what == "miss" else catch_up()


if __name__ == "__main__":
    main()
