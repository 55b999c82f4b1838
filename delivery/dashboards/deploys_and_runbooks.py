"""What is rolled out and what is stuck, what operators' runs do, and whether the jobs are done."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from backend.telemetry.metrics import SCRAPES
from delivery.dashboards.parts import Limits, Query, Row, curve, figure, made, name_of
from jobs.runs import DURATIONS

_DURATIONS = name_of(DURATIONS)


def board() -> Dashboard:
    """The dashboard."""
    return made(
        "docuchat-deploys",
        "Deploys and runbooks",
        "What is rolled out and what is stuck, what operators' runs do, and whether the jobs are done.",
        [_now(), _rollouts(), _runs(), _jobs()],
        pages=[
            ("Deploys", "/deploys"),
            ("Deployments", "/deployments"),
            ("Runs", "/runs"),
            ("Runbooks", "/runbooks"),
            ("Jobs", "/jobs"),
        ],
    )


def _now() -> Row:
    stuck = "count(max by (workload_namespace, workload) (portal_rollout_stuck) > 0) or vector(0)"
    return Row(
        title="Now",
        panels=[
            figure(
                "Cluster",
                "1 where a portal process has an up-to-date view of it (KubernetesUnreachable).",
                Query(expr="max(portal_kubernetes_up)"),
                limits=Limits(look=1, bad=0.5),
            ),
            figure(
                "Stuck rollouts",
                "They do not go on by themselves (RolloutStuck). The portal says why.",
                Query(expr=stuck),
                limits=Limits(look=1, bad=1),
            ),
            figure(
                "Runs at work", "Runs of runbooks that hold locks.", Query(expr="max(portal_runs_at_work)")
            ),
            figure(
                "Runs that wait",
                "A dangerous run waits for a second person.",
                Query(expr="max(portal_runs_waiting)"),
                limits=Limits(look=1, bad=5),
            ),
            figure(
                "Runs that failed",
                "Or were lost, within the last day.",
                Query(expr="max(portal_runs_failed_lately)"),
                limits=Limits(look=1, bad=5),
            ),
            figure(
                "Leading scheduler",
                "1 where one leads (SchedulerWithoutLeader).",
                Query(expr="max(portal_scheduler_leads)"),
                limits=Limits(look=1, bad=0.5),
            ),
        ],
    )


def _rollouts() -> Row:
    reasons = (
        "sum by (workload, reason) (max by (workload_namespace, workload, reason) (portal_rollout_stuck))"
    )
    return Row(
        title="Rollouts",
        panels=[
            curve(
                "Workloads by the state of their rollout",
                "Done is rest; progressing is a rollout under way.",
                Query(expr="max by (state) (portal_rollouts)", legend="{{state}}"),
                is_stacked=True,
            ),
            curve(
                "Stuck, and why",
                "One line for each workload and reason.",
                Query(expr=f"{reasons} or vector(0)", legend="{{workload}} {{reason}}"),
            ),
            curve(
                "Deployments of the last day",
                "As the pipelines told them, by their result.",
                Query(expr="max by (result) (portal_deployments_lately)", legend="{{result}}"),
                is_stacked=True,
            ),
            curve(
                "Failed share of the last day's deployments",
                "Failed ones and those that were rolled back.",
                Query(
                    expr='sum(max by (result) (portal_deployments_lately{result=~"failed|rolled_back"}))'
                    " / clamp_min(sum(max by (result) (portal_deployments_lately)), 1)",
                    legend="failed",
                ),
                unit="percentunit",
                limits=Limits(look=0.15, bad=0.3),
            ),
        ],
    )


def _runs() -> Row:
    return Row(
        title="Runs of runbooks",
        panels=[
            curve(
                "Runs",
                "At work, waiting for a second person, and failed within the last day.",
                Query(expr="max(portal_runs_at_work)", legend="at work"),
                Query(expr="max(portal_runs_waiting)", legend="waiting"),
                Query(expr="max(portal_runs_failed_lately)", legend="failed lately"),
            ),
            curve(
                "Scrapes by token",
                "While the metrics token is rotated, the previous one fades out.",
                Query(
                    expr=f"sum by (token) (rate({name_of(SCRAPES)}[$__rate_interval]))", legend="{{token}}"
                ),
                unit="reqps",
            ),
        ],
    )


def _jobs() -> Row:
    mean = (
        f"sum by (name) (rate({_DURATIONS}_sum[$__rate_interval]))"
        f" / (sum by (name) (rate({_DURATIONS}_count[$__rate_interval])) > 0)"
    )
    return Row(
        title="Jobs",
        panels=[
            curve("Time that a job takes", "Mean by job.", Query(expr=mean, legend="{{name}}"), unit="s"),
            curve(
                "Jobs that fail or are paused",
                "1 while the newest run failed (JobFailing), or while people paused it (JobPaused).",
                Query(expr="max by (name) (portal_job_failing) > 0 or vector(0)", legend="{{name}} fails"),
                Query(
                    expr="clamp_max(max by (name) (portal_job_paused_timestamp_seconds), 1) or vector(0)",
                    legend="{{name}} paused",
                ),
            ),
        ],
    )
