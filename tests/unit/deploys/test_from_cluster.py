"""Objects of the API as nouns: what is left out means nothing or 0, and values of variables stay outside."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson
import pytest
from lightkube.core.decoders import decode_object
from lightkube.core.exceptions import ApiError, ConfigError

from backend.clients.kubernetes_errors import LONGEST_WORDS, ClusterCall, Expired, in_our_words, one_line
from backend.clients.kubernetes_objects import (
    ControllerRevisionObject,
    DaemonSetObject,
    DeploymentObject,
    EventObject,
    JobObject,
    PodObject,
    StatefulSetObject,
)
from backend.deploys.from_cluster import to_controller_revision, to_event, to_job, to_pod, to_workload
from backend.deploys.types import ContainerPhase, HelmRelease, WorkloadKind
from backend.errors import Conflict, NotFound, Refused, Unavailable

AT = "2026-11-28T12:00:00Z"
LATER = "2026-11-28T12:05:00.123456Z"
SECRET = "geheim-geheim-geheim"
META = {"name": "api", "namespace": "docuchat", "uid": "u1", "creationTimestamp": AT, "generation": 3}
CALL = ClusterCall(verb="list", resource="pods", namespace="docuchat")


def read(kind: Any, **parts: Any) -> Any:
    return decode_object(orjson.dumps({"metadata": META} | parts), kind)


def test_values_of_environment_variables_are_not_decoded() -> None:
    env = [{"name": "KEY", "value": SECRET}, {"name": "LOG_LEVEL", "value": "info"}]
    sources = [{"secretRef": {"name": "docuchat-openai"}}, {"configMapRef": {"name": "flags"}}]
    container = {"name": "api", "image": "r.example/x:2", "env": env, "envFrom": sources, "args": [SECRET]}
    spec = {"template": {"spec": {"containers": [container]}}}

    found = read(DeploymentObject, spec=spec)

    assert SECRET not in repr(found)
    assert to_workload(found).containers[0].environment == (
        "KEY",
        "LOG_LEVEL",
        "configmap/flags",
        "secret/docuchat-openai",
    )


def test_a_revision_of_a_set_holds_names_and_no_values_and_another_owners_record_is_empty() -> None:
    container = {"name": "api", "image": "r.example/x:2", "env": [{"name": "KEY", "value": SECRET}]}
    template = {"spec": {"containers": [container]}, "$patch": "replace"}

    found = read(ControllerRevisionObject, data={"spec": {"template": template}}, revision=7)
    foreign = read(ControllerRevisionObject, data={"spec": {"cpu": {"guest": 2}}}, revision=1)

    assert SECRET not in repr(found)
    kept = to_controller_revision(found)
    assert (kept.name, kept.number, kept.containers[0].environment) == ("api", 7, ("KEY",))
    assert to_controller_revision(foreign).containers == ()


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        (DeploymentObject, WorkloadKind.DEPLOYMENT),
        (StatefulSetObject, WorkloadKind.STATEFUL_SET),
        (DaemonSetObject, WorkloadKind.DAEMON_SET),
    ],
)
def test_a_workload_that_says_nothing_has_zeros(kind: Any, named: WorkloadKind) -> None:
    found = to_workload(read(kind))

    assert (found.id.kind, found.generation, found.observed_generation, found.replicas) == (named, 3, 0, None)
    assert (found.total, found.updated, found.available, found.containers) == (0, 0, 0, ())
    assert found.release is None


def test_a_daemon_set_counts_in_fields_of_its_own() -> None:
    status = {
        "desiredNumberScheduled": 5,
        "currentNumberScheduled": 4,
        "updatedNumberScheduled": 3,
        "numberReady": 2,
        "numberAvailable": 1,
    }

    found = to_workload(read(DaemonSetObject, status=status))

    assert (found.desired_scheduled, found.total, found.updated, found.ready, found.available) == (
        5,
        4,
        3,
        2,
        1,
    )


def test_a_release_is_read_from_labels_and_annotations_alone() -> None:
    labels = {
        "helm.sh/chart": "docuchat-2.14.3",
        "app.kubernetes.io/version": "2.14.3",
        "app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/instance": "blue",
    }
    notes = {"meta.helm.sh/release-name": "docuchat", "meta.helm.sh/release-namespace": "prod"}

    def release(**parts: Any) -> HelmRelease | None:
        return to_workload(read(DeploymentObject, metadata=META | parts)).release

    whole = HelmRelease(name="docuchat", namespace="prod", chart="docuchat-2.14.3", app_version="2.14.3")
    assert release(labels=labels, annotations=notes) == whole
    assert release(labels=labels) == HelmRelease(name="blue", chart="docuchat-2.14.3", app_version="2.14.3")
    assert release(labels={"helm.sh/chart": "x"}) is None


def test_a_pod_holds_the_state_of_each_container_and_no_secret_of_its_words() -> None:
    status = {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": "api",
                "image": "r.example/x:2",
                "imageID": f"r.example/x@sha256:{'b' * 64}",
                "ready": False,
                "restartCount": 4,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off\n 10s"}},
                "lastState": {"terminated": {"exitCode": 3, "message": "token: sk-" + "a1B2" * 8}},
            }
        ],
    }
    spec = {"containers": [{"name": "api", "image": "r.example/x:2"}], "initContainers": [{"name": "first"}]}

    first, api = to_pod(read(PodObject, spec=spec, status=status)).containers

    assert (first.template.is_init, first.phase) == (True, ContainerPhase.WAITING)
    assert (api.reason, api.message, api.restarts) == ("CrashLoopBackOff", "back-off 10s", 4)
    assert api.digest == f"sha256:{'b' * 64}"
    assert api.last_termination is not None
    assert api.last_termination.exit_code == 3
    assert "***" in api.last_termination.message


@pytest.mark.parametrize(
    ("parts", "count", "last_at"),
    [
        pytest.param(
            {"count": 7, "firstTimestamp": AT, "lastTimestamp": AT},
            7,
            datetime(2026, 11, 28, 12, tzinfo=UTC),
            id="old",
        ),
        pytest.param(
            {"eventTime": AT, "series": {"count": 9, "lastObservedTime": LATER}},
            9,
            datetime(2026, 11, 28, 12, 5, 0, 123456, tzinfo=UTC),
            id="series",
        ),
        pytest.param({"eventTime": AT}, 1, datetime(2026, 11, 28, 12, tzinfo=UTC), id="seen once"),
        pytest.param(
            {"count": None, "firstTimestamp": None}, 1, datetime(2026, 11, 28, 12, tzinfo=UTC), id="nothing"
        ),
    ],
)
def test_events_of_both_generations_are_counted_and_dated(
    parts: dict[str, Any], count: int, last_at: datetime
) -> None:
    found = to_event(read(EventObject, type="Warning", reason="Failed", message="why", **parts))

    assert (found.count, found.last_at, found.is_warning) == (count, last_at, True)


def test_a_job_has_ended_by_a_condition_that_is_true() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": AT}
    waiting = {"type": "Complete", "status": "False"}

    found = to_job(read(JobObject, status={"failed": 1, "conditions": [waiting, failed]}))

    assert (found.outcome, found.reason, found.failed) == ("Failed", "BackoffLimitExceeded", 1)
    assert to_job(read(JobObject)).outcome == ""


def refusal(status: int) -> ApiError:
    body = {"message": "the words of the server", "code": status}
    return ApiError(response=httpx2.Response(status, json=body, request=httpx2.Request("GET", "http://x")))


@pytest.mark.parametrize(
    ("trouble", "error", "data"),
    [
        (refusal(400), Refused, {"reason": "kubernetes_rejected", "words": "the words of the server"}),
        (refusal(401), Refused, {"reason": "kubernetes_unauthorized"}),
        (refusal(403), Refused, {"reason": "kubernetes_forbidden", "verb": "list", "resource": "pods"}),
        (refusal(404), NotFound, {"reason": "kubernetes_object"}),
        (refusal(409), Conflict, {"reason": "kubernetes_object"}),
        (refusal(429), Unavailable, {"service": "kubernetes", "cause": "status", "status": 429}),
        (refusal(503), Unavailable, {"service": "kubernetes", "cause": "status", "status": 503}),
        (httpx2.ReadTimeout("slow"), Unavailable, {"cause": "timeout"}),
        (httpx2.ConnectError("no"), Unavailable, {"cause": "connection"}),
        (ConnectionResetError(), Unavailable, {"cause": "connection"}),
        (ConfigError("Token file /secret/path not found"), Refused, {"reason": "kubernetes_configuration"}),
        (ValueError("no JSON"), Unavailable, {"cause": "unreadable"}),
        (KeyError("Content-Type"), Unavailable, {"cause": "unreadable"}),
    ],
    ids=repr,
)
def test_each_failure_is_one_of_the_houses_errors(
    trouble: Exception, error: type[Refused], data: dict[str, Any]
) -> None:
    with pytest.raises(error) as raised, in_our_words(CALL):
        raise trouble

    assert data.items() <= raised.value.data.items()
    assert raised.value.__suppress_context__
    assert "/secret/path" not in str(raised.value)


def test_a_version_that_is_too_old_is_told_apart() -> None:
    with pytest.raises(Expired), in_our_words(CALL):
        raise refusal(410)


def test_words_that_are_too_long_are_never_cut_within_a_secret() -> None:
    secret = "sk-a-key-that-nobody-may-see-a-part-of"

    for before in range(LONGEST_WORDS - len(secret) - 1, LONGEST_WORDS):
        words = one_line(f"{'x' * before} {secret} and more", LONGEST_WORDS)

        assert words in {f"{'x' * before}…", f"{'x' * before} {secret}…"}
        assert len(words) <= LONGEST_WORDS
