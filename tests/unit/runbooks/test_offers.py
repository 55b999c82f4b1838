"""An alert offers the actions of the list, with fields filled by what its labels can only be names of."""

import pytest

from backend.config import settings
from runbooks.offers import ActionOffer, offers


def test_a_field_is_filled_from_a_label() -> None:
    pause, silence = offers("JobFailing", {"name": "send_mail"}, fingerprint="0123456789abcdef")

    assert pause == ActionOffer(action="pause_job", fields={"job": "send_mail"})
    assert silence == ActionOffer(action="silence_alert", fields={"alert": "0123456789abcdef"})


def test_a_field_may_be_filled_without_a_label() -> None:
    assert offers("PaymentsUndecided", {})[0] == ActionOffer(
        action="recheck_payments", fields={"payment": "all"}
    )


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        " ",
        "x; rm -rf /",
        "$(id)",
        "../../etc/passwd",
        "{name}",
        "a\nb",
        "\u202e",
        "a" * 201,
        "-rf",
        "é",
        "a b",
    ],
)
def test_a_label_that_is_no_name_fills_nothing(hostile: str) -> None:
    assert offers("JobFailing", {"name": hostile})[0] == ActionOffer(action="pause_job")
    assert offers("JobFailing", {"name": "x"}, fingerprint=hostile)[-1] == ActionOffer(action="silence_alert")


def test_a_fingerprint_of_another_shape_fills_nothing() -> None:
    assert offers("JobPaused", {}, fingerprint="0123456789ABCDEF") == (ActionOffer(action="silence_alert"),)


def test_an_alert_that_is_not_ours_offers_nothing_and_neither_does_the_heartbeat() -> None:
    assert offers("Unknown", {"name": "send_mail"}) == ()
    assert offers("Watchdog", {}) == ()


def test_an_alert_about_a_rollout_names_its_workload() -> None:
    labels = {
        "workload_namespace": "docuchat-prod",
        "workload_kind": "Deployment",
        "workload": "docuchat-api",
    }

    filled = {each.action: each.fields for each in offers("RolloutStuck", {**labels, "reason": "image_pull"})}

    assert filled["rollback_deployment"] == {"workload": "Deployment/docuchat-prod/docuchat-api"}
    assert filled["resume_rollout"] == filled["restart_workload"] == filled["rollback_deployment"]


@pytest.mark.parametrize(
    ("namespaces", "fields"),
    [("docuchat,other", {"workload": "Deployment/docuchat/docuchat-api"}), ("", {})],
)
def test_an_alert_about_docuchat_names_its_first_workload_where_the_namespace_is_known(
    namespaces: str, fields: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere/x")
    monkeypatch.setenv("KUBERNETES_NAMESPACES", namespaces)
    settings.cache_clear()
    try:
        assert offers("DocuChatDown", {})[0] == ActionOffer(action="restart_workload", fields=fields)
    finally:
        settings.cache_clear()


def test_a_stuck_rollout_offers_fewer_gpu_workers_only_where_pods_find_no_node() -> None:
    def offered(reason: str) -> list[str]:
        labels = {"workload": "docuchat-gpu-worker", "workload_namespace": "docuchat", "reason": reason}
        labels["workload_kind"] = "Deployment"
        return [each.action for each in offers("RolloutStuck", labels)]

    assert offered("unschedulable")[0] == "scale_gpu"
    assert offered("image_pull")[0] == "rollback_deployment"
    assert "scale_gpu" not in offered("image_pull")


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_stuck_rollout_of_another_kind_offers_only_what_can_be_done_to_that_kind(kind: str) -> None:
    labels = {"workload_namespace": "docuchat", "workload_kind": kind, "workload": "docuchat-postgres"}

    filled = {each.action: each.fields for each in offers("RolloutStuck", {**labels, "reason": "image_pull"})}

    assert filled.keys() == {"restart_workload", "silence_alert"}
    assert filled["restart_workload"] == {"workload": f"{kind}/docuchat/docuchat-postgres"}
