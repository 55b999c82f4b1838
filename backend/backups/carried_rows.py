"""Carrying over what must not be lost, from the live database into another one that is to become it."""

from datetime import datetime, timedelta

from backend.backups.carried_tables import CARRIED
from backend.backups.types import CarriedRows
from backend.db.carrying import Carrying
from backend.errors import Refused

# What began before a backup may have been committed after it.
MARGIN = timedelta(hours=1)
# A statement is given two minutes, and a transaction thinks no longer than one between two.
LAST_MARGIN = timedelta(minutes=10)


def carry_between(carrying: Carrying, since: datetime) -> CarriedRows:
    """Carry over what was written since an instant. Raises Refused where the trails differ (``audit_differs``)."""
    if not carrying.holds_last_of("audit_entry", "hash"):
        raise Refused(reason="audit_differs")
    return CarriedRows(by_table=carrying.carry(CARRIED, since))
