"""Lines of the workloads: trouble first, by release, in the reader's language, made once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.deploys.types import (
    ClusterHealth,
    HelmRelease,
    Image,
    Replaced,
    RevisionChange,
    Rollout,
    RolloutState,
    SourceProblem,
    StuckKind,
    StuckReason,
    WorkloadId,
    WorkloadKind,
    WorkloadSummary,
)
from backend.errors import NotFound, Refused
from backend.i18n.catalog import Lang
from portal.features.deploys import queries, rows
from portal.features.deploys.detail_queries import pod_at, workload_at
from portal.features.deploys.history_rows import to_differences

NOW = datetime(2026, 11, 28, 11, 0, tzinfo=UTC)


def summary(
    name: str,
    state: RolloutState = RolloutState.DONE,
    *,
    release: str = "",
    reason: StuckReason | None = None,
) -> WorkloadSummary:
    return WorkloadSummary(
        id=WorkloadId(namespace="docuchat", kind=WorkloadKind.DEPLOYMENT, name=name),
        rollout=Rollout(state=state, words="", reason=reason),
        replicas=3,
        updated=3,
        ready=2,
        available=2,
        total=3,
        images=(Image(repository="registry.example/docuchat", tag="2.14.3"),),
        revision=4,
        revision_at=NOW,
        release=HelmRelease(name=release, chart=f"{release}-1.0") if release else None,
        created_at=NOW - timedelta(days=3),
    )


def test_trouble_stands_first_and_takes_its_release_along() -> None:
    found = [
        summary("calm", release="alpha"),
        summary("alone"),
        summary("stuck", RolloutState.STUCK, release="beta"),
        summary("fine", release="beta"),
        summary("moving", RolloutState.PROGRESSING),
    ]

    ordered = rows.in_order(found)
    lines = rows.with_headings(ordered, [rows.to_workload(each, "en") for each in ordered])

    assert [(line.name, line.heading) for line in lines] == [
        ("stuck", "beta · beta-1.0"),
        ("fine", ""),
        ("moving", "-"),
        ("alone", ""),
        ("calm", "alpha · alpha-1.0"),
    ]


@pytest.mark.parametrize(
    ("lang", "state", "replicas", "since"),
    [
        ("fa", "گیر کرده", "۲ از ۳", "۷ آذر ۱۴۰۵، ۱۴:۳۰:۰۰"),
        ("en", "stuck", "2 of 3", "28 Nov 2026, 14:30:00"),
    ],
)
def test_a_line_says_state_reason_and_time_in_the_readers_language(
    lang: Lang, state: str, replicas: str, since: str
) -> None:
    reason = StuckReason(kind=StuckKind.IMAGE_PULL, message="Back-off\n  pulling image", since=NOW)

    row = rows.to_workload(summary("api", RolloutState.STUCK, reason=reason), lang)

    assert (row.state, row.replicas, row.since) == (state, replicas, since)
    assert (row.mark, row.tone, row.words) == ("stuck", "bad", "Back-off pulling image")
    assert row.image == "docuchat:2.14.3"
    assert row.url == "/deploys/docuchat/deployment/api"


def test_every_state_has_a_tone_and_its_place_in_the_order() -> None:
    assert set(rows.TONES) == set(RolloutState)
    assert sorted(state for states in queries.STATES.values() for state in states) == sorted(RolloutState)


def test_the_line_of_a_workload_that_did_not_change_is_made_once() -> None:
    one = summary("api")

    first, again, changed = (queries._row(each, "fa") for each in (one, one, replace(one, ready=3)))

    assert first is again
    assert changed.replicas == "۳ از ۳"


@pytest.mark.parametrize(
    ("words", "fits"), [("api", True), ("DOCUCHAT 2.14.3", True), ("beta", True), ("api worker", False)]
)
def test_a_search_wants_every_word_in_name_image_or_release(words: str, *, fits: bool) -> None:
    assert queries._fits(summary("api", release="beta"), queries.sought(words)) is fits


@pytest.mark.parametrize(
    ("health", "begins"),
    [
        (ClusterHealth(is_configured=False), "No cluster is connected"),
        (ClusterHealth(is_configured=True, is_complete=False), "The cluster has not been read"),
        (
            ClusterHealth(is_configured=True, is_complete=True, unknown_since=NOW),
            "The cluster does not answer",
        ),
    ],
)
def test_a_view_that_is_not_fresh_says_so(health: ClusterHealth, begins: str) -> None:
    assert rows.freshness(health, "en").startswith(begins)
    assert rows.freshness(ClusterHealth(is_configured=True, is_complete=True), "en") == ""


def refused(resource: str, verb: str = "list") -> SourceProblem:
    told = {"verb": verb, "resource": resource, "namespace": "docuchat"}
    error = Refused(reason="kubernetes_forbidden", **told)
    return SourceProblem(resource=resource, namespace="docuchat", since=NOW, error=error)


def test_what_the_cluster_does_not_let_us_read_is_named_with_the_verb() -> None:
    refusals = (refused("controllerrevisions"), refused("events"), refused("pods", "watch"))
    health = ClusterHealth(is_configured=True, is_complete=True, problems=refusals)

    english, persian = rows.freshness(health, "en"), rows.freshness(health, "fa")

    assert "list controllerrevisions, events in the namespace docuchat" in english
    assert "watch pods in the namespace docuchat" in english
    assert "list روی controllerrevisions، events در فضای نام docuchat" in persian


def test_a_comparison_names_variables_and_never_their_values() -> None:
    change = RevisionChange(
        before=3,
        after=4,
        images=(Replaced(container="api", before="docuchat:1", after="docuchat:2"),),
        resources=(Replaced(container="api", subject="limits.memory", before="", after="1Gi"),),
        environment_added=(("api", "FEATURE_X"),),
        environment_removed=(("api", "OLD_KEY"),),
        replicas=(2, 3),
    )

    shown = [(row.what, row.where, row.before, row.after) for row in to_differences(change, "en")]

    assert shown == [
        ("image", "api", "docuchat:1", "docuchat:2"),
        ("resources", "api · limits.memory", "—", "1Gi"),
        ("environment variable (name)", "api", "—", "FEATURE_X"),
        ("environment variable (name)", "api", "OLD_KEY", "—"),
        ("replicas", "", "2", "3"),
    ]


def test_an_address_names_a_workload_and_a_pod() -> None:
    path = "/deploys/docuchat/statefulset/redis.cache/pods/redis.cache-0/log"

    assert workload_at(path) == WorkloadId(
        namespace="docuchat", kind=WorkloadKind.STATEFUL_SET, name="redis.cache"
    )
    assert pod_at(path) == "redis.cache-0"


@pytest.mark.parametrize("path", ["/deploys/a/secret/b", "/deploys", "/"])
def test_an_address_of_no_kind_of_workload_is_none(path: str) -> None:
    with pytest.raises(NotFound):
        workload_at(path)
