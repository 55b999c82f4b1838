"""Replace the token with which Prometheus scrapes the portal's metrics, without one scrape that is refused.

Facts for the runbook's page: the portal accepts two tokens, ``METRICS_TOKEN`` and ``METRICS_TOKEN_PREVIOUS``, both from
the Secret ``docuchat-metrics`` (``token``, ``previous-token``); Prometheus reads the third key, ``scrape-token``, from
a file that follows the Secret within 90 seconds. (1) The portal's pods are replaced and accept a fresh token and the
present one. (2) Prometheus' file gets the fresh one; the portal counts scrapes by token (``metrics_scrape_total``), and
when Prometheus shows none with the previous token for a minute, and some with the fresh one, (3) the portal's pods are
replaced again and know the fresh one alone. Done in one step the scrapes of a minute and a half would be refused.

A rollout that fails puts the keys back. Should Prometheus not take the fresh token within a quarter of an hour, both
stay accepted and the run says so. Started again it changes nothing until Prometheus sends the fresh token alone. There
is no undo: rotating again is one.
"""

import secrets
import time

from backend.clients.prometheus_servers import prometheus
from backend.config import settings
from backend.errors import Refused, Unavailable
from backend.runbooks.types import Plan, PlannedChange, Risk, Words
from runbooks import rotation
from runbooks.action import Action, ActionParameters, Step
from runbooks.context import Planning, Running
from runbooks.rotation import RotatedSecret, Rotation

TOKEN, PREVIOUS, SCRAPE = "token", "previous-token", "scrape-token"
METRICS = RotatedSecret(secret="docuchat-metrics", workloads=("docuchat-portal",))  # noqa: S106 - its name
TOKEN_BYTES = 48
QUIET_S = 60
"""Four scrapes of the shipped configuration: so long nobody may have come with the previous token."""
LONGEST_WAIT_S = 900.0
_LOOK_S = 2.0


class MetricsRotationParameters(ActionParameters):
    """The namespace of the portal."""

    namespace: str


def plan(planning: Planning, parameters: MetricsRotationParameters) -> Plan:
    """The tokens by their place.

    Raises:
        Refused: the Secret is not laid out as the portal and Prometheus read it.
    """
    found = rotation.look(planning, parameters.namespace, METRICS)
    _require_layout(found.values)
    return rotation.plan_of(
        parameters.namespace,
        METRICS,
        found,
        changes=(
            PlannedChange(
                what=Words(key="runbooks.rotate_metrics_token.token"),
                before="***",
                after=Words(key="runbooks.side.new"),
            ),
        ),
        notes=(
            Words(key="runbooks.rotate_metrics_token.waits_for", values={"seconds": QUIET_S}),
            Words(key="runbooks.rotate_metrics_token.no_undo"),
        ),
        rollouts=2,
    )


def accept(running: Running, parameters: MetricsRotationParameters) -> None:
    """Let the portal accept a fresh token beside the one that Prometheus sends.

    Raises:
        Refused: an earlier run left a previous token, and Prometheus may still send it.
    """
    turning = _rotation(running, parameters)
    values, version = turning.read()
    _require_layout(values)
    is_begun = values[TOKEN] != values[SCRAPE]
    # The portal has room for two tokens: with a fresh one, the previous one would be refused from here on.
    if values[PREVIOUS] and not is_begun and not _is_handed_over(running):
        raise Refused(reason="metrics_not_handed_over")
    before = {TOKEN: values[SCRAPE], PREVIOUS: "" if is_begun else values[PREVIOUS]}
    with turning.put_back(before):
        if not is_begun:
            fresh = running.secret(secrets.token_urlsafe(TOKEN_BYTES))
            turning.write({TOKEN: fresh, PREVIOUS: values[SCRAPE]}, version)
        turning.roll_out()
    running.changed("runbooks.rotate_metrics_token.accepts_both")


def hand_over(running: Running, parameters: MetricsRotationParameters) -> None:
    """Give Prometheus the fresh token, and wait until it sends nothing else.

    Raises:
        Refused: it still sends the previous one after a quarter of an hour.
    """
    turning = _rotation(running, parameters)
    values, version = turning.read()
    if values[SCRAPE] != values[TOKEN]:
        turning.write({SCRAPE: values[TOKEN]}, version)
    _await_hand_over(running)
    running.changed("runbooks.rotate_metrics_token.sends_fresh", at=running.now())


def forget(running: Running, parameters: MetricsRotationParameters) -> None:
    """Let the portal forget the previous token.

    Raises:
        Refused: Prometheus still sends it after a quarter of an hour.
    """
    turning = _rotation(running, parameters)
    values, version = turning.read()
    if values[PREVIOUS]:
        # A run that died may go on after another one, whose previous token this would be.
        _await_hand_over(running)
    with turning.put_back({PREVIOUS: values[PREVIOUS]}):
        if values[PREVIOUS]:
            turning.write({PREVIOUS: ""}, version)
        turning.roll_out()
    running.changed("runbooks.rotate_metrics_token.forgotten", at=running.now())


def _await_hand_over(running: Running) -> None:
    begun = time.monotonic()
    while not _is_handed_over(running):
        if time.monotonic() - begun > LONGEST_WAIT_S:
            raise Refused(reason="metrics_not_handed_over")
        running.wait(_LOOK_S)


def _is_handed_over(running: Running) -> bool:
    """Whether Prometheus came with the fresh token lately, and with no other; unknown is no."""
    query = f'sum by (token) (increase(metrics_scrape_total{{job="portal"}}[{QUIET_S}s]))'
    try:
        found = prometheus(settings(), merges_replicas=True).instant(
            query, int(running.now().timestamp() * 1000)
        )
    except Unavailable:
        running.log("runbooks.rotate_metrics_token.prometheus_away")
        return False
    # Every server that scrapes the portal is counted by the portal itself, whichever server tells it.
    used = {row["metric"].get("token", "") for row in found if float(row["value"][1]) > 0}
    return "current" in used and "previous" not in used


def _require_layout(values: object) -> None:
    """Three tokens, of which Prometheus sends one that the portal accepts."""
    if not isinstance(values, dict) or not {TOKEN, PREVIOUS, SCRAPE} <= values.keys():
        raise Refused(reason="metrics_layout")
    if not values[SCRAPE] or values[SCRAPE] not in {values[TOKEN], values[PREVIOUS]}:
        raise Refused(reason="metrics_layout")


def _rotation(running: Running, parameters: MetricsRotationParameters) -> Rotation:
    return Rotation(running=running, namespace=parameters.namespace, credential=METRICS)


ACTION = Action(
    name="rotate_metrics_token",
    risk=Risk.DESTRUCTIVE,
    parameters=MetricsRotationParameters,
    choices={"namespace": rotation.namespaces},
    targets=lambda parameters: METRICS.targets(parameters.namespace),
    needs=lambda parameters: METRICS.needs(parameters.namespace),
    plan=plan,
    steps=(
        Step(name="accept", run=accept),
        Step(name="hand_over", run=hand_over),
        Step(name="forget", run=forget),
    ),
    deadline_s=2 * int(rotation.ROLLOUT_S) + int(LONGEST_WAIT_S) + 300,
)
