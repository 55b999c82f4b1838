"""Every 15 minutes: delete the secrets that people handed in for runs and that no run used within an hour."""

from backend.actor import Actor
from backend.run_inputs import service as run_inputs

NAME = "discard_run_inputs"


def run(actor: Actor) -> str:
    """Delete what waits too long. Idempotent."""
    discarded = run_inputs.discard_unused(actor)
    return f"{discarded} discarded" if discarded else ""
