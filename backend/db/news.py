"""News between processes: who changes something tells its topic, and every web process hears it after the commit."""

from enum import StrEnum

from sqlalchemy import func, select

from backend.db.engine import transaction

PORTAL_NEWS = "portal_news"


class Topic(StrEnum):
    """A subject whose changes pages follow while they are open.

    ``RUNBOOK_LOG`` grows with every line of any run's log, ``RUNBOOKS`` with every state.
    ``CLUSTER`` and ``OVERVIEW`` are told within a web process, the others by PostgreSQL.
    """

    ALERTS = "alerts"
    ANSWERS = "answers"
    CLUSTER = "cluster"
    DEPLOYMENTS = "deployments"
    JOBS = "jobs"
    OVERVIEW = "overview"
    RUNBOOKS = "runbooks"
    RUNBOOK_LOG = "runbook_log"


def tell(topic: Topic) -> None:
    """Tell that something of this topic changed. It is heard when the open transaction commits, and never if not."""
    with transaction() as connection:
        connection.execute(select(func.pg_notify(PORTAL_NEWS, topic.value)))
