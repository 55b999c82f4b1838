"""The commands for clusters and containers say what they should, and name what is missing."""

import re
import shutil
from pathlib import Path

import pytest

from delivery.chart.rendering import render
from tests.delivery.standins import Programs

OPENAI_KEY = "a-key-that-no-argument-holds"


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    made = Programs(folder=tmp_path / "programs").stand_in("helm", "kubectl", "docker", "gh")
    return made.answer(
        helm_history=(0, '[{"revision": 1, "status": "deployed"}]'), kubectl_get_secrets=(0, '{"items": []}')
    )


def calls(programs: Programs, *argv: str, **env: str) -> list[str]:
    done = programs.make(*argv, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return [str(call) for call in programs.calls()]


def test_no_secret_of_a_deployment_stands_in_an_argument(programs: Programs) -> None:
    done = programs.make("k8s-deploy", "VALUES=charts/docuchat/values.yaml", OPENAI_API_KEY=OPENAI_KEY)

    assert done.returncode == 0, done.stdout + done.stderr
    upgrade = programs.calls()[-1]
    assert str(upgrade) == (
        "helm upgrade --install docuchat charts/docuchat --namespace docuchat-prod --create-namespace"
        " --values charts/docuchat/values.yaml --values - --wait --timeout 10m"
    )
    assert OPENAI_KEY in upgrade.given
    assert OPENAI_KEY not in done.stdout + done.stderr


def test_a_failed_deployment_fails(programs: Programs) -> None:
    programs.answer(helm_upgrade=(1, "Error: timed out"))
    assert programs.make("k8s-deploy").returncode != 0


def test_a_difference_is_asked_of_the_cluster_and_helms_own_marks_are_left_out(programs: Programs) -> None:
    programs.answer(
        helm_upgrade=(0, '{"manifest": "kind: Service"}'),
        kubectl_diff=(1, "+  replicas: 3\n-    meta.helm.sh/release-name: docuchat"),
    )
    done = programs.make("k8s-diff")

    asked = programs.calls()[-1]
    assert done.returncode == 0
    assert done.stdout.strip() == "+  replicas: 3"
    assert (str(asked), asked.given) == (
        "kubectl diff --server-side --field-manager=helm --filename=- --namespace docuchat-prod",
        "kind: Service",
    )


def test_a_difference_that_nobody_can_tell_is_a_failure(programs: Programs) -> None:
    programs.answer(helm_upgrade=(0, '{"manifest": ""}'), kubectl_diff=(2, "forbidden"))
    assert programs.make("k8s-diff").returncode != 0


def test_a_release_is_taken_back_to_a_revision_and_to_nothing_else(programs: Programs) -> None:
    done = programs.make("k8s-rollback", "REVISION=last")

    assert done.returncode != 0
    assert "last is no revision" in done.stderr
    assert programs.calls() == []


def test_what_runs_is_shown_with_its_logs(programs: Programs) -> None:
    status, workloads = calls(programs, "k8s-status", "NAMESPACE=trial")
    assert status == "helm status docuchat --namespace trial"
    assert workloads.startswith("kubectl get deployments,statefulsets,")
    assert workloads.endswith("--namespace trial --selector app.kubernetes.io/instance=docuchat")
    [logs] = calls(programs, "logs", "PART=jobs")
    assert "app.kubernetes.io/instance=docuchat,app.kubernetes.io/component=jobs" in logs


def test_the_logs_that_are_shown_unasked_are_those_of_the_portals_pods(programs: Programs) -> None:
    [logs] = calls(programs, "logs")
    asked_for = re.search(r"--selector (\S+)", logs)
    wanted = dict(each.split("=") for each in asked_for[1].split(",")) if asked_for else {}
    workloads = [each for each in render("helm4") if each["kind"] == "Deployment"]

    found = [
        each["metadata"]["name"]
        for each in workloads
        if wanted.items() <= each["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert found == ["docuchat-portal"]


def test_billing_by_hand_is_a_job_of_the_cronjob(programs: Programs) -> None:
    [asked] = calls(programs, "k8s-billing")
    assert asked.startswith("kubectl create job --from=cronjob/docuchat-billing manual-billing-")


def test_containers_are_started_in_order_and_waited_for(programs: Programs) -> None:
    assert calls(programs, "devops-up")[-1] == "docker compose up --detach --build --wait"
    assert (
        calls(programs, "devops-down", "ARGS=--volumes")[-1]
        == "docker compose down --remove-orphans --volumes"
    )


@pytest.mark.parametrize(
    ("target", "refused", "sentence"),
    [
        ("devops-up", "docker_version", "finds no engine"),
        ("devops-up", "docker_compose_version", "compose plugin is missing. Install it"),
    ],
)
def test_a_docker_that_can_do_nothing_is_told_apart(
    programs: Programs, target: str, refused: str, sentence: str
) -> None:
    programs.answer(**{refused: (1, "unknown")})
    done = programs.make(target)

    assert done.returncode != 0
    assert sentence in done.stderr
    assert not [call for call in programs.calls() if "up" in call.argv]


@pytest.mark.parametrize(
    ("target", "program"),
    [("k8s-deploy", "helm"), ("logs", "kubectl"), ("release-publish", "gh"), ("devops-up", "docker")],
)
def test_a_missing_program_is_named_with_what_to_install(target: str, program: str, tmp_path: Path) -> None:
    # Only what every machine has: a folder with links to the shell's own programs.
    bare = Programs(folder=tmp_path / "bare").stand_in()
    for name in ("sh", "make", "sed", "awk", "date", "env"):
        (bare.folder / name).symlink_to(str(shutil.which(name)))
    done = bare.make(target, PATH=str(bare.folder))

    assert done.returncode != 0
    assert "is missing. Install" in done.stderr
    assert program in done.stderr.lower() or (program == "gh" and "GitHub" in done.stderr)
