"""Permissions of the runner's account in Kubernetes, asked by the web: its own account may do less."""

from collections.abc import Sequence

from backend.actor import Actor
from backend.config import settings
from backend.deploys import service as deploys
from runbooks.action import Need


def missing(actor: Actor, needs: Sequence[Need]) -> tuple[Need, ...]:
    """The permissions that the runner's account lacks. On a laptop without such an account nothing is known to lack.

    Raises:
        Refused: Kubernetes is not configured, or the portal's own account may not ask.
        Unavailable: the API server does not answer.
    """
    if not needs or not settings().kubernetes_runner_account:
        return ()
    return tuple(need for need in needs if not deploys.runner_may(actor, need).is_allowed)
