"""05:00 Asia/Tehran: read the whole audit trail and prove that nothing in it was changed or cut off."""

from datetime import time

from backend.actor import Actor
from backend.audit import service as audit
from jobs.runs import JobError

NAME = "verify_audit"
AT = time(5, 0)
BROKEN = "audit_broken"


def run(actor: Actor) -> str:
    """Verify the trail. Writes nothing; raises JobError where the trail breaks first."""
    found = audit.verify(actor)
    if found.broken_at is not None:
        raise JobError(f"{BROKEN}.{found.reason}")
    return f"{found.entries} entries"
