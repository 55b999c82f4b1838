"""Actions on workloads, against the emulator with the runner's rights and a real database."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from backend import config
from backend.actor import Actor
from backend.db import migrate
from backend.deploys.acting_types import DATABASE_HEADS
from backend.i18n.catalog import LANGUAGES
from backend.runbooks import service as runs
from backend.runbooks.types import RunbookRun, RunStage, StepState
from backend.runbooks.words_rules import said
from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.workloads import REGISTRY
from runbooks import asking_service, engine, launching, registry, rollouts
from runbooks.form_types import Obstacles
from runbooks.local_processes import LocalProcesses
from tests.integration.deploys.conftest import ClusterFile, Site, lines
from tests.integration.runbooks.conftest import processes_that_end, wish
from tests.waiting import until

API = "Deployment/docuchat/docuchat-api"
WORKER = "Deployment/docuchat/docuchat-worker"
GPU = "Deployment/docuchat/docuchat-gpu-worker"


@contextmanager
def as_runner() -> Iterator[None]:
    """As in a process of a run: with the kubeconfig of the runner's account."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(account_file(Path(config.settings().kubeconfig), "portal-operator")))
        config.settings.cache_clear()
        engine.own_kubernetes.cache_clear()
        yield
        engine.own_kubernetes().close()
    engine.own_kubernetes.cache_clear()
    config.settings.cache_clear()


def work(actor: Actor, run: RunbookRun) -> RunbookRun:
    with as_runner():
        engine.work_on(run.id)
    return runs.run(actor, run.id)


def asked(actor: Actor, action: str, **given: str) -> RunbookRun:
    return work(actor, asking_service.ask(actor, wish(action, given)))


def confirmed(actor: Actor, action: str, **given: str) -> RunbookRun:
    run = asked(actor, action, **given)
    assert run.state is RunStage.PLANNED, run.outcome
    return runs.confirm(actor, run.id, run.plan_hash)


def done(actor: Actor, action: str, **given: str) -> RunbookRun:
    return work(actor, confirmed(actor, action, **given))


def undone(actor: Actor, run: RunbookRun) -> RunbookRun:
    undo = work(actor, asking_service.ask_undo(actor, run.id, f"undo-{run.id}"))
    assert undo.state is RunStage.PLANNED, undo.outcome
    return work(actor, runs.confirm(actor, undo.id, undo.plan_hash))


def object_of(site: Site, workload: str) -> dict[str, Any]:
    kind, _, name = workload.split("/")
    return dict(site.http.get(site.path(f"{kind.lower()}s", name)).json())


def pods_of(site: Site, name: str) -> set[str]:
    return {
        one["metadata"]["uid"] for one in site.items("pods") if one["metadata"]["name"].startswith(f"{name}-")
    }


def outcome(run: RunbookRun) -> str:
    assert run.outcome is not None
    for lang in LANGUAGES:
        assert said(run.outcome, lang) != run.outcome.key
    return run.outcome.key.rpartition(".")[2]


def changes(run: RunbookRun) -> dict[str, tuple[str, str]]:
    assert run.plan is not None
    return {said(one.what, "en"): (one.before, one.after) for one in run.plan.changes}


def notes(run: RunbookRun) -> set[str]:
    assert run.plan is not None
    return {one.key.rpartition(".")[2] for one in run.plan.notes}


def set_image(site: Site, name: str, tag: str, heads: str = "") -> None:
    container = {"name": name.removeprefix("docuchat-"), "image": f"{REGISTRY}/docuchat:{tag}"}
    notes = {"metadata": {"annotations": {DATABASE_HEADS: heads}}} if heads else {}
    site.change(name, spec={"template": notes | {"spec": {"containers": [container]}}})
    until(lambda: object_of(site, f"Deployment/docuchat/{name}")["status"].get("updatedReplicas"))
    until(lambda: lines()[name].rollout.state == "done" and tag in lines()[name].images[0].text)


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        (API, 'deployment "docuchat-api" successfully rolled out'),
        (
            "StatefulSet/docuchat/docuchat-redis",
            "partitioned roll out complete: 2 new pods have been updated...",
        ),
        ("DaemonSet/docuchat/docuchat-log-agent", 'daemon set "docuchat-log-agent" successfully rolled out'),
    ],
)
def test_a_restart_replaces_every_pod_once_and_proves_it(
    site: Site, operator: Actor, workload: str, words: str
) -> None:
    kind, _, name = workload.split("/")
    old, generation = pods_of(site, name), object_of(site, workload)["metadata"]["generation"]
    choices = asking_service.form(operator, "restart_workload", {}).fields[0].choices

    run = done(operator, "restart_workload", workload=workload)

    assert workload in {one.value for one in choices}
    assert run.state is RunStage.SUCCEEDED, run.outcome
    until(lambda: not old & pods_of(site, name))  # a pod that is being ended no longer counts for the rollout
    assert object_of(site, workload)["metadata"]["generation"] == generation + 1
    assert changes(run) == {"Revision; every pod is replaced": ("1", "2")}
    assert run.plan is not None
    assert run.plan.commands[0] == f"kubectl rollout restart -n docuchat {kind.lower()}/{name}"
    assert words in [line.text for line in runs.lines(operator, run.id)]
    assert not asking_service.can_undo(run, run.ended_at)  # type: ignore[arg-type] - it is set in this state


def test_a_cancelled_run_leaves_the_rollout_to_itself_and_says_so(site: Site, operator: Actor) -> None:
    site.console("faults", image=f"{REGISTRY}/docuchat:2.14.3", fault="ReadinessFailing")
    run = confirmed(operator, "restart_workload", workload=WORKER)
    with as_runner():
        working = Thread(target=engine.work_on, args=(run.id,))
        working.start()
        until(lambda: is_in_step(operator, "watch")(run))
        assert runs.cancel(operator, run.id).state is RunStage.CANCELLING
        working.join()
    site.console("faults", "DELETE")

    run = runs.run(operator, run.id)

    assert [one.key for one in run.result] == [
        "runbooks.restart_workload.restarted",
        "runbooks.rollout.left",
    ]
    assert "what was changed stays" in said(run.result[-1], "en")


GIVEN = {
    "restart_workload": {"workload": API},
    "scale_workload": {"workload": API, "replicas": "4"},
    "rollback_deployment": {"workload": WORKER, "revision": "1"},
    "pause_rollout": {"workload": "Deployment/docuchat/docuchat-ingest"},
    "resume_rollout": {"workload": "Deployment/docuchat/docuchat-frontend"},
    "scale_gpu": {"workload": GPU, "replicas": "0"},
}


def prepare(site: Site) -> None:
    """The state in which each of the actions is possible."""
    set_image(site, "docuchat-worker", "2.14.4")
    site.change("docuchat-frontend", spec={"paused": True})
    until(lambda: lines()["docuchat-frontend"].rollout.state == "paused")


def test_a_workload_that_changed_between_plan_and_run_is_not_touched(site: Site, operator: Actor) -> None:
    prepare(site)
    for action, given in GIVEN.items():
        run = confirmed(operator, action, **given)
        name = given["workload"].rpartition("/")[2]
        site.change(name, metadata={"annotations": {"moved-by": action}})
        before = object_of(site, given["workload"])

        run = work(operator, run)

        assert (run.state, outcome(run)) == (RunStage.FAILED, "run_plan_differs"), action
        after = object_of(site, given["workload"])
        assert (after["spec"], after["metadata"]["generation"]) == (
            before["spec"],
            before["metadata"]["generation"],
        )


def test_a_missing_permission_is_named_before_anything_is_asked(site: Site, operator: Actor) -> None:
    prepare(site)
    for action, given in GIVEN.items():
        assert asking_service.obstacles(operator, action, given) == Obstacles()
        resource = "deployments/scale" if action.startswith("scale") else "deployments"
        site.console("denied", account="portal-operator", verb="patch", resource=resource)

        missing = asking_service.obstacles(operator, action, given).needs
        site.console("denied", "DELETE")

        name = given["workload"].rpartition("/")[2]
        assert [(one.verb, one.resource, one.name) for one in missing] == [("patch", "deployments", name)]

    site.console("denied", account="portal-operator", verb="list", resource="nodes")
    nodes = asking_service.obstacles(operator, "scale_gpu", GIVEN["scale_gpu"]).needs
    assert [(one.verb, one.resource) for one in nodes] == [("list", "nodes")]
    site.console("denied", account="portal-operator", verb="patch", resource="deployments")
    refused = asked(operator, "restart_workload", workload=API)
    assert outcome(refused) == "kubernetes_forbidden"
    assert "patch" in said(refused.outcome, "en")  # type: ignore[arg-type] - it is set in this state


def test_a_rollback_shows_what_differs_and_goes_back_and_forth(site: Site, operator: Actor) -> None:
    first = object_of(site, API)["spec"]["template"]
    set_image(site, "docuchat-api", "2.14.4", heads=migrate.newest_known())
    extra = [{"name": "api", "env": [{"name": "NEW_FLAG", "value": "hush"}]}]
    chart = {"labels": {"helm.sh/chart": "docuchat-2.15.0"}}
    site.change("docuchat-api", spec={"template": {"metadata": chart, "spec": {"containers": extra}}})
    until(lambda: lines()["docuchat-api"].revision == 3 and lines()["docuchat-api"].rollout.state == "done")
    offered = asking_service.form(operator, "rollback_deployment", {"workload": API}).fields[1].choices

    run = done(operator, "rollback_deployment", workload=API, revision="1")

    assert [one.value for one in offered] == ["2", "1"]
    assert run.state is RunStage.SUCCEEDED, run.outcome
    image = f"{REGISTRY}/docuchat:2.14"
    assert changes(run) == {
        "Revision": ("3", "1"),
        "Image of api": (f"{image}.4", f"{image}.3"),
        "Environment variable of api": ("NEW_FLAG", ""),
        "Chart": ("docuchat-2.15.0", "docuchat-2.14.3"),
    }
    assert notes(run) == {"ready_before", "replicas_stay", "database_unknown"}
    assert "hush" not in json.dumps([str(run), [one.text for one in runs.lines(operator, run.id)]])
    assert object_of(site, API)["spec"]["template"] == first
    returned = undone(operator, run)
    assert returned.state is RunStage.SUCCEEDED, returned.outcome
    assert object_of(site, API)["spec"]["template"]["spec"]["containers"][0]["image"] == f"{image}.4"


def test_a_rollback_of_a_stuck_rollout_suggests_the_revision_before_it_and_any_other_is_chosen(
    site: Site, operator: Actor
) -> None:
    def suggested(**given: str) -> str:
        return (
            asking_service.form(operator, "rollback_deployment", {"workload": API, **given}).fields[1].value
        )

    set_image(site, "docuchat-api", "2.14.4")
    until(lambda: (lines()["docuchat-api"].revision, lines()["docuchat-api"].rollout.state) == (2, "done"))
    calm = suggested()
    site.console("faults", image=":2.14.5", fault="ImagePullBackOff")
    broken = [{"name": "api", "image": f"{REGISTRY}/docuchat:2.14.5"}]
    site.change("docuchat-api", spec={"template": {"spec": {"containers": broken}}})
    until(lambda: lines()["docuchat-api"].rollout.state == "stuck")

    form = asking_service.form(operator, "rollback_deployment", {"workload": API})
    assert (calm, suggested(), suggested(revision="1")) == ("", "2", "1")
    assert ([each.problem for each in form.fields], form.is_complete) == (["", ""], True)
    assert "docuchat:2.14.4" in said(form.fields[1].choices[0].words, "en")  # type: ignore[arg-type] - it is set in this state
    assert "/" not in said(form.fields[1].choices[0].words, "en")  # type: ignore[arg-type] - it is set in this state
    site.console("faults", "DELETE")


def test_a_rollback_to_an_image_that_does_not_know_the_database_is_refused_in_words(
    site: Site, operator: Actor
) -> None:
    head = migrate.newest_known()
    set_image(site, "docuchat-api", "2.14.4", heads="0001, 0002")
    set_image(site, "docuchat-api", "2.14.5", heads=f"{head}, 0002")
    set_image(site, "docuchat-api", "2.14.6", heads=head)

    refused = asked(operator, "rollback_deployment", workload=API, revision="2")
    fits = asked(operator, "rollback_deployment", workload=API, revision="3")

    assert (refused.state, outcome(refused)) == (RunStage.FAILED, "database_ahead")
    words = said(refused.outcome, "en")  # type: ignore[arg-type] - it is set in this state
    assert f"at migration {head}" in words
    assert "0001, 0002" in words
    assert (fits.state, "database_fits" in notes(fits)) == (RunStage.PLANNED, True)


def test_a_scale_is_undone_and_a_quota_without_room_refuses_it(site: Site, operator: Actor) -> None:
    quota = {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": str(len(site.items("pods")) + 1)}}}
    site.http.post("/api/v1/namespaces/docuchat/resourcequotas", json=quota).raise_for_status()

    refused = asked(operator, "scale_workload", workload=API, replicas="5")
    same = asked(operator, "scale_workload", workload=API, replicas="3")
    run = done(operator, "scale_workload", workload=API, replicas="4")

    assert (outcome(refused), outcome(same)) == ("quota_too_small", "scale_same")
    assert "pods needs 2, and 1 is free" in said(refused.outcome, "en")  # type: ignore[arg-type] - it is set in this state
    assert run.state is RunStage.SUCCEEDED, run.outcome
    assert object_of(site, API)["status"]["availableReplicas"] == 4
    assert changes(run) == {"Replicas": ("3", "4")}
    assert undone(operator, run).state is RunStage.SUCCEEDED
    assert object_of(site, API)["spec"]["replicas"] == 3


def test_what_was_scaled_since_is_not_undone(site: Site, operator: Actor) -> None:
    run = done(operator, "scale_workload", workload=WORKER, replicas="1")
    site.change("docuchat-worker", spec={"replicas": 4})

    undo = work(operator, asking_service.ask_undo(operator, run.id, "undo"))

    assert (undo.state, outcome(undo)) == (RunStage.FAILED, "workload_changed_since")


def test_a_run_is_undone_once_and_not_over_a_later_one(site: Site, operator: Actor) -> None:
    first = done(operator, "scale_workload", workload=WORKER, replicas="3")
    assert undone(operator, first).state is RunStage.SUCCEEDED
    site.change("docuchat-worker", spec={"replicas": 3})
    again = work(operator, asking_service.ask_undo(operator, first.id, "again"))

    second = done(operator, "scale_workload", workload=WORKER, replicas="1")
    third = done(operator, "scale_workload", workload=WORKER, replicas="2")
    site.change("docuchat-worker", spec={"replicas": 1})
    over = work(operator, asking_service.ask_undo(operator, second.id, "over"))
    site.change("docuchat-worker", spec={"replicas": 2})
    in_order = [undone(operator, third).state, undone(operator, second).state]

    assert (again.state, outcome(again)) == (RunStage.FAILED, "run_undone")
    assert (over.state, outcome(over)) == (RunStage.FAILED, "run_overtaken")
    assert in_order == [RunStage.SUCCEEDED, RunStage.SUCCEEDED]


def test_a_pause_that_somebody_else_made_later_is_not_ended_with_the_first(
    site: Site, operator: Actor
) -> None:
    workload = GIVEN["pause_rollout"]["workload"]
    first = done(operator, "pause_rollout", workload=workload)
    done(operator, "resume_rollout", workload=workload)
    done(operator, "pause_rollout", workload=workload)

    undo = work(operator, asking_service.ask_undo(operator, first.id, "undo"))

    assert (undo.state, outcome(undo)) == (RunStage.FAILED, "run_overtaken")
    assert object_of(site, workload)["spec"]["paused"]


def test_what_is_replaced_by_hand_alone_is_not_said_to_be_restarted(site: Site, operator: Actor) -> None:
    site.change("docuchat-log-agent", plural="daemonsets", spec={"updateStrategy": {"type": "OnDelete"}})
    until(lambda: lines()["docuchat-log-agent"].rollout.state == "manual")

    run = asked(operator, "restart_workload", workload="DaemonSet/docuchat/docuchat-log-agent")

    assert (run.state, outcome(run)) == (RunStage.FAILED, "workload_manual")


def test_where_the_only_revision_is_stuck_no_other_is_suggested(site: Site, operator: Actor) -> None:
    site.console("faults", image=":2.14.3", fault="ImagePullBackOff")
    site.change("docuchat-api", spec={"replicas": 4})
    until(lambda: lines()["docuchat-api"].rollout.state == "stuck")

    choices = asking_service.form(operator, "rollback_deployment", {"workload": API}).fields[1].choices

    assert not choices


def test_gpu_workers_are_scaled_only_where_nodes_fit_and_gpus_are_free(
    site: Site, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPU_HOUR_COST_TOMAN", "150000")
    config.settings.cache_clear()
    node = "/api/v1/nodes/node-gpu-1"
    strategic = {"content-type": "application/strategic-merge-patch+json"}
    none_free = asked(operator, "scale_gpu", workload=GPU, replicas="2")
    more = {"status": {"allocatable": {"nvidia.com/gpu": "3"}, "capacity": {"nvidia.com/gpu": "3"}}}
    site.http.patch(f"{node}/status", json=more, headers=strategic)
    known = site.http.get(node).json()
    if known["status"]["allocatable"]["nvidia.com/gpu"] != "3":
        site.http.delete(node)
        known["status"]["allocatable"]["nvidia.com/gpu"] = known["status"]["capacity"]["nvidia.com/gpu"] = "3"
        known["metadata"] = {key: known["metadata"][key] for key in ("name", "labels")}
        site.http.post("/api/v1/nodes", json=known).raise_for_status()

    choices = asking_service.form(operator, "scale_gpu", {}).fields[0].choices
    run = done(operator, "scale_gpu", workload=GPU, replicas="2")

    assert [one.value for one in choices] == [GPU]
    assert outcome(none_free) == "gpu_too_few"
    assert run.state is RunStage.SUCCEEDED, run.outcome
    assert run.plan is not None
    told = [said(one, "en") for one in run.plan.notes]
    assert "2 of 3 GPUs are free on nodes that fit (node-gpu-1)" in " ".join(told)
    assert "It costs 150,000 Toman more an hour." in told
    site.http.patch(node, json={"spec": {"unschedulable": True}}, headers=strategic).raise_for_status()
    closed = asked(operator, "scale_gpu", workload=GPU, replicas="3")
    assert outcome(closed) == "gpu_no_node"
    assert closed.outcome is not None
    assert "cordoned" not in said(closed.outcome, "fa")
    assert "\u2068node-gpu-1\u2069" in said(closed.outcome, "fa")
    assert "۱ گره به روی پاد تازه بسته است" in said(closed.outcome, "fa")


def test_a_rollout_is_paused_and_resumed_and_each_undoes_the_other(site: Site, operator: Actor) -> None:
    paused = done(operator, "pause_rollout", workload=API)
    assert object_of(site, API)["spec"]["paused"]
    assert outcome(asked(operator, "restart_workload", workload=API)) == "workload_paused"

    assert undone(operator, paused).state is RunStage.SUCCEEDED

    assert not object_of(site, API)["spec"].get("paused")
    done(operator, "pause_rollout", workload=API)
    until(lambda: lines()["docuchat-api"].rollout.state == "paused")
    resumed = done(operator, "resume_rollout", workload=API)
    assert resumed.state is RunStage.SUCCEEDED, resumed.outcome
    assert undone(operator, resumed).state is RunStage.SUCCEEDED
    assert object_of(site, API)["spec"]["paused"]


def test_what_the_view_has_not_heard_of_yet_is_answered_by_the_cluster_itself(
    site: Site, operator: Actor
) -> None:
    form = asking_service.form(operator, "resume_rollout", {})
    revisions = asking_service.form(operator, "rollback_deployment", {"workload": API}).fields[1].choices

    not_paused = asked(operator, "resume_rollout", workload=API)
    newest = asked(operator, "rollback_deployment", workload=API, revision="1")

    assert API not in {one.value for one in form.fields[0].choices}
    assert not revisions
    assert outcome(not_paused) == "workload_not_paused"
    assert outcome(newest) == "revision_runs_already"


def test_a_rollout_that_gets_stuck_ends_the_run_with_its_reason(
    site: Site, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollouts, "STUCK_FOR", rollouts.STUCK_FOR / 8)
    site.console("faults", workload="docuchat-api", fault="CrashLoopBackOff")

    run = done(operator, "restart_workload", workload=API)

    assert (run.state, outcome(run)) == (RunStage.FAILED, "workload_stuck_seen")
    assert run.outcome is not None
    assert "کانتینر پیاپی فرو می‌پاشد" in said(run.outcome, "fa")
    keys = [line.text for line in runs.lines(operator, run.id)]
    assert any("deploy.stuck.crash" in key for key in keys)
    site.console("faults", "DELETE")


@pytest.mark.parametrize("action", ["scale_workload", "rollback_deployment"])
def test_a_change_whose_answer_is_lost_is_recognised_and_not_made_again(
    site: Site, operator: Actor, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollouts, "AGAIN_S", 0.1)
    set_image(site, "docuchat-worker", "2.14.4")
    run = confirmed(operator, action, **GIVEN[action] | {"workload": WORKER})
    generation = object_of(site, WORKER)["metadata"]["generation"]
    site.console("trouble", loses=f"patch deployments{'/scale' if action == 'scale_workload' else ''}")

    run = work(operator, run)

    assert run.state is RunStage.SUCCEEDED, run.outcome
    assert object_of(site, WORKER)["metadata"]["generation"] == generation + 1
    assert any("made_before" in line.text for line in runs.lines(operator, run.id))


@pytest.fixture
def launcher(
    site: Site, cluster_file: ClusterFile, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalProcesses]:
    """Runs as processes of their own, with the runner's account; what was started ends with the test."""
    monkeypatch.setenv("RUNNER_KUBECONFIG", str(account_file(cluster_file.kubeconfig, "portal-operator")))
    config.settings.cache_clear()
    with processes_that_end() as started:
        yield started


def run_until(
    actor: Actor, launcher: LocalProcesses, run: RunbookRun, holds: Callable[[RunbookRun], object]
) -> RunbookRun:
    def is_there() -> bool:
        launching.supervise(engine.RUNNER, launcher)
        return bool(holds(runs.run(actor, run.id)))

    until(is_there)
    return runs.run(actor, run.id)


def is_in_step(actor: Actor, name: str) -> Callable[[RunbookRun], bool]:
    return lambda run: any(
        one.name == name and one.state is StepState.RUNNING for one in runs.steps(actor, run.id)
    )


def started_restart(actor: Actor, launcher: LocalProcesses) -> RunbookRun:
    run = asking_service.ask(actor, wish("restart_workload", {"workload": WORKER}))
    run = run_until(actor, launcher, run, lambda it: it.state is RunStage.PLANNED)
    return runs.confirm(actor, run.id, run.plan_hash)


def kill(run: RunbookRun) -> None:
    os.kill(int(run.process.split(":")[1]), signal.SIGKILL)


@pytest.mark.parametrize("step", ["restart", "watch"])
def test_a_run_that_is_killed_goes_on_and_restarts_nothing_twice(
    site: Site, operator: Actor, launcher: LocalProcesses, step: str
) -> None:
    generation = object_of(site, WORKER)["metadata"]["generation"]
    site.console("faults", image=f"{REGISTRY}/docuchat:2.14.3", fault="ReadinessFailing")
    run = started_restart(operator, launcher)
    if step == "restart":
        site.console("trouble", loses="patch deployments")
        run_until(operator, launcher, run, lambda _it: not site.console("trouble", "GET")["loses"])
    run = run_until(operator, launcher, run, is_in_step(operator, step))
    kill(run)
    run_until(operator, launcher, run, lambda it: it.state is RunStage.LOST)

    site.console("faults", "DELETE")
    runs.go_on(operator, run.id)
    run = run_until(operator, launcher, run, lambda it: it.is_ended)

    assert run.state is RunStage.SUCCEEDED, run.outcome
    assert object_of(site, WORKER)["metadata"]["generation"] == generation + 1
    numbers = [line.number for line in runs.lines(operator, run.id)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_run_waits_for_a_cluster_that_dies_in_the_middle(
    site: Site, operator: Actor, launcher: LocalProcesses
) -> None:
    site.console("faults", image=f"{REGISTRY}/docuchat:2.14.3", fault="ReadinessFailing")
    run = started_restart(operator, launcher)
    run_until(operator, launcher, run, is_in_step(operator, "watch"))
    site.console("trouble", is_dead=True)
    waits = "runbooks.rollout.no_answer"
    run_until(
        operator,
        launcher,
        run,
        lambda _it: any(waits in line.text for line in runs.lines(operator, run.id)),
    )

    site.console("faults", "DELETE")
    site.console("trouble", "DELETE")
    run = run_until(operator, launcher, run, lambda it: it.is_ended)

    assert run.state is RunStage.SUCCEEDED, run.outcome
    assert "docuchat-worker" in said(run.result[-1], "en")


def test_wrong_input_is_refused_by_its_field(site: Site, operator: Actor) -> None:
    for action, given in GIVEN.items():
        for wrong in ({"workload": "Deployment/docuchat/nothing"}, {"workload": "docuchat-api; rm"}, {}):
            problem = asking_service.form(operator, action, given | wrong if wrong else {})
            assert not problem.is_complete, (action, wrong)
    assert set(GIVEN) <= set(registry.actions())
