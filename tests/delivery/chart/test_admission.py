"""The policy where runs live lets in what the launcher makes of the template, and refuses everything else."""

from copy import deepcopy
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import yaml

from backend.deploys.database_server_service import RUN_LABEL
from backend.runbooks.types import RunStage
from delivery.chart.admission import Request, refusals
from delivery.chart.rendering import NAMESPACE, Manifest
from runbooks.database_servers import short
from runbooks.kubernetes_jobs import job_name, manifest_of
from tests.delivery.chart.conftest import NEWEST, rendered_by

RUNS = f"{NAMESPACE}-runbooks"
RUN_ID = UUID("0f8fad5b-d9cb-469f-a165-70867728950e")
MINIMAL, EVERYTHING = "minimal", "everything"


OF_JOBS = f"{NAMESPACE}-docuchat-runner"
OF_OBJECTS = f"{OF_JOBS}-objects"


def policy(variant: str = MINIMAL, name: str = OF_JOBS) -> Manifest:
    manifests = rendered_by(NEWEST, variant)
    [found] = [
        each
        for each in manifests
        if (each["kind"], each["metadata"]["name"]) == ("ValidatingAdmissionPolicy", name)
    ]
    return found


def job(variant: str = MINIMAL, *, stage: RunStage = RunStage.QUEUED, launch: int = 1) -> dict[str, Any]:
    """The Job that the launcher asks for, as the API server hands it to admission: with its defaults filled in."""
    manifests = rendered_by(NEWEST, variant)
    template = next(each for each in manifests if each["metadata"]["name"] == "docuchat-runner-template")
    run: Any = SimpleNamespace(id=RUN_ID, state=stage, launch=launch, deadline_s=600, scheduled_at=None)
    run.planned_at = None
    name = job_name(run)
    made = manifest_of(yaml.safe_load(template["data"]["job.yaml"]), run, name, f"job:{RUNS}/{name}")
    pod = made["spec"]["template"]["spec"]
    pod |= {"serviceAccount": pod["serviceAccountName"], "dnsPolicy": "ClusterFirst"}
    pod["containers"][0]["terminationMessagePath"] = "/dev/termination-log"
    return made


@pytest.mark.parametrize("variant", [MINIMAL, EVERYTHING])
@pytest.mark.parametrize(
    ("stage", "launch"), [(RunStage.PLANNING, 0), (RunStage.QUEUED, 1), (RunStage.QUEUED, 12)]
)
def test_every_job_of_the_launcher_is_let_in(variant: str, stage: RunStage, launch: int) -> None:
    assert refusals(policy(variant), job(variant, stage=stage, launch=launch)) == []


def set_at(made: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one thing changed; `None` takes it away."""
    changed = deepcopy(made)
    here: Any = changed
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in way:
        here = here[step]
    if value is None:
        del here[last]
    elif isinstance(here, list) and last == len(here):
        here.append(value)
    else:
        here[last] = value
    return changed


POD = "spec.template.spec"
RUNNER = f"{POD}.containers.0"
FOREIGN_SECRET = {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "other", "key": "url"}}}
SIDECAR = {"name": "sidecar", "image": "docuchat/portal-jobs:0.1.0"}


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("metadata.name", "night-work", "a Job here is named after a run"),
        ("metadata.name", None, "a Job here is named after a run"),
        (f"{POD}.containers.1", SIDECAR, "a run has one container"),
        (f"{POD}.initContainers", [SIDECAR], "a run has one container"),
        (f"{RUNNER}.image", "somebody/else:1", "a run has the image of the release"),
        (f"{RUNNER}.image", "docuchat/portal-jobs:0.0.9", "a run has the image of the release"),
        (f"{RUNNER}.command", ["sh", "-c"], "a run has the command of the template"),
        (f"{RUNNER}.command", None, "a run has the command of the template"),
        (f"{RUNNER}.args", ["list"], "the arguments of a run are its id and its process"),
        (f"{RUNNER}.args.1", "$(rm)", "the arguments of a run are its id and its process"),
        (f"{RUNNER}.args.3", "job:a/b; true", "the arguments of a run are its id and its process"),
        (f"{POD}.serviceAccountName", "default", "a run has the account of runs"),
        (f"{POD}.serviceAccountName", None, "a run has the account of runs"),
        (f"{RUNNER}.env.0", FOREIGN_SECRET, "a run has the variables of the template, each from its Secret"),
        (
            f"{RUNNER}.env.0",
            {"name": "DATABASE_URL", "value": "postgresql://evil"},
            "a run has the variables of the template, each from its Secret",
        ),
        (
            f"{RUNNER}.env.0",
            {"name": "PYTHONSTARTUP", "value": "/srv/evil.py"},
            "a run has the variables of the template, each from its Secret",
        ),
        (
            f"{RUNNER}.env.0",
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            "a run has the variables of the template, each from its Secret",
        ),
        (
            f"{RUNNER}.envFrom.1",
            {"secretRef": {"name": "docuchat-zibal"}},
            "a run has the settings of the release and no other",
        ),
        (
            f"{RUNNER}.envFrom.0",
            {"configMapRef": {"name": "mine"}},
            "a run has the settings of the release and no other",
        ),
        (f"{RUNNER}.envFrom.0.prefix", "X_", "a run has the settings of the release and no other"),
        (f"{RUNNER}.envFrom", None, "a run has the settings of the release and no other"),
        (f"{POD}.volumes.0", {"name": "tmp", "hostPath": {"path": "/"}}, "empty volumes alone"),
        (f"{POD}.volumes.0", {"name": "tmp", "secret": {"secretName": "any"}}, "empty volumes alone"),
        (f"{POD}.volumes.1", {"name": "t", "projected": {"sources": []}}, "empty volumes alone"),
        (f"{POD}.hostNetwork", True, "shares nothing with its node"),
        (f"{POD}.hostPID", True, "shares nothing with its node"),
        (f"{POD}.nodeName", "control-plane-0", "shares nothing with its node"),
        (f"{RUNNER}.securityContext.privileged", True, "no rights beyond its account's"),
        (f"{RUNNER}.securityContext.allowPrivilegeEscalation", True, "no rights beyond its account's"),
        (f"{RUNNER}.securityContext", None, "no rights beyond its account's"),
        (f"{RUNNER}.lifecycle", {"postStart": {"exec": {"command": ["sh"]}}}, "nothing beside its command"),
        (f"{RUNNER}.workingDir", "/srv", "nothing beside its command"),
        ("spec.activeDeadlineSeconds", None, "a deadline"),
        ("spec.backoffLimit", 6, "a deadline"),
    ],
)
def test_any_other_job_is_refused_with_the_reason(path: str, value: Any, why: str) -> None:
    found = refusals(policy(), set_at(job(), path, value))

    assert len(found) == 1
    assert why in found[0]


def is_in_force(manifests: list[Manifest], name: str, where: str) -> bool:
    """Whether whatever the policy refuses in a namespace is refused."""
    [binding] = [
        each["spec"]
        for each in manifests
        if each["kind"] == "ValidatingAdmissionPolicyBinding" and each["spec"]["policyName"] == name
    ]
    return (
        "Deny" in binding["validationActions"]
        and binding["matchResources"]["namespaceSelector"]
        == {"matchLabels": {"kubernetes.io/metadata.name": where}}
        and policy(name=name)["spec"]["failurePolicy"] == "Fail"
    )


def test_the_policy_holds_where_runs_live_for_whoever_asks(closed: list[Manifest]) -> None:
    assert is_in_force(closed, OF_JOBS, RUNS)
    assert "matchConditions" not in policy()["spec"]


def test_the_policy_of_objects_holds_where_docuchat_lives(closed: list[Manifest]) -> None:
    assert is_in_force(closed, OF_OBJECTS, NAMESPACE)


RUNNER_ACCOUNT = f"system:serviceaccount:{RUNS}:docuchat-runner"
NO_LABEL = "a run creates and deletes only what carries the label of a run"


@pytest.mark.parametrize("which", ["object", "old"])
@pytest.mark.parametrize(
    ("labels", "refused"),
    [
        pytest.param({RUN_LABEL: "0f8fad5b"}, [], id="a run's"),
        pytest.param({"app.kubernetes.io/name": "redis"}, [NO_LABEL], id="another's"),
        pytest.param(None, [NO_LABEL], id="nobody's"),
        pytest.param({RUN_LABEL: ""}, [NO_LABEL], id="of no run"),
        pytest.param({RUN_LABEL: "0f8fad5b-any"}, [NO_LABEL], id="of what is no run"),
    ],
)
def test_runs_create_and_delete_only_what_carries_their_label(
    which: str, labels: dict[str, str] | None, refused: list[str]
) -> None:
    made = {"metadata": {"name": "a", **({} if labels is None else {"labels": labels})}}

    assert refusals(policy(name=OF_OBJECTS), Request(user=RUNNER_ACCOUNT, **{which: made})) == refused


def test_others_delete_what_they_may() -> None:
    made = {"metadata": {"name": "docuchat-redis"}}
    operator = "system:serviceaccount:kube-system:statefulset-controller"

    assert refusals(policy(name=OF_OBJECTS), Request(user=operator, old=made)) == []


def test_the_policy_of_objects_covers_whatever_a_role_lets_runs_create_or_delete(
    closed: list[Manifest],
) -> None:
    changed = {
        (group, resource)
        for role in closed
        if (role["kind"], role["metadata"]["name"]) == ("Role", "docuchat-runner")
        and role["metadata"]["namespace"] == NAMESPACE
        for rule in role["rules"]
        if {"create", "delete"} & set(rule["verbs"]) and "resourceNames" not in rule
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        if group != "authorization.k8s.io"
    }
    rules = policy(name=OF_OBJECTS)["spec"]["matchConstraints"]["resourceRules"]

    assert changed == {(*each["apiGroups"], *each["resources"]) for each in rules}
    assert all(each["operations"] == ["CREATE", "DELETE"] for each in rules)


def test_the_label_is_the_one_that_runs_write() -> None:
    run: Any = SimpleNamespace(id=RUN_ID)
    made = {"metadata": {"name": "second", "labels": {RUN_LABEL: short(run)}}}

    assert refusals(policy(name=OF_OBJECTS), Request(user=RUNNER_ACCOUNT, object=made)) == []


def test_the_namespace_of_runs_enforces_the_standard_restricted(closed: list[Manifest]) -> None:
    namespace = next(each for each in closed if each["kind"] == "Namespace")

    assert namespace["metadata"]["name"] == RUNS
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
