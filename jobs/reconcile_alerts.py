"""Every 30 seconds: bring the stored alerts in line with Alertmanager."""

from backend.actor import Actor
from backend.alerts import service as alerts

NAME = "reconcile_alerts"


def run(actor: Actor) -> str:
    """Reconcile once; harmless at any time, in any number, however it ends."""
    done = alerts.reconcile(actor)
    return f"{done.opened} opened, {done.ended} ended" if done.opened or done.ended else ""
