"""What a message about a deployment may say and change, and which deployment caused a rollout."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.deploys import ledger_rules as rules
from backend.deploys.ledger_types import DeployResult, NewDeploy, RolloutTrace, SmokeTest
from tests.unit.deploys.ledger_examples import DIGEST, DONE, RUNNING, START, at, record

NOW = at(10)
OTHER_DIGEST = "sha256:" + "b2" * 32


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        pytest.param({}, None, id="one that runs"),
        pytest.param({"started_at": at(15)}, None, id="a clock five minutes ahead"),
        pytest.param({"started_at": at(16)}, ("started_at", "time_out_of_range"), id="from the future"),
        pytest.param(
            {"started_at": START - timedelta(days=367)}, ("started_at", "time_out_of_range"), id="long ago"
        ),
        pytest.param({"result": DeployResult.FAILED}, ("finished_at", "result_without_end"), id="no end"),
        pytest.param({"finished_at": at(1)}, ("finished_at", "end_without_result"), id="no result"),
        pytest.param({"committed_at": at(-60)}, None, id="a commit before"),
        pytest.param({"committed_at": at(6)}, ("committed_at", "time_out_of_range"), id="a commit after"),
        pytest.param(
            {"committed_at": START - timedelta(days=8_000)},
            ("committed_at", "time_out_of_range"),
            id="a commit of another age",
        ),
    ],
)
def test_times_that_cannot_be_are_named(changed: dict[str, Any], fault: tuple[str, str] | None) -> None:
    assert rules.fault_of(replace(RUNNING, **changed), NOW) == fault


@pytest.mark.parametrize(
    ("end", "fault"),
    [
        pytest.param(START, None, id="at once"),
        pytest.param(at(-1), ("finished_at", "time_out_of_range"), id="before the start"),
        pytest.param(at(16), ("finished_at", "time_out_of_range"), id="in the future"),
    ],
)
def test_an_end_lies_between_start_and_now(end: Any, fault: tuple[str, str] | None) -> None:
    assert rules.fault_of(replace(DONE, finished_at=end), NOW) == fault


def test_nothing_is_deployed_for_more_than_a_week() -> None:
    slow = replace(DONE, finished_at=START + timedelta(days=7, seconds=1))

    assert rules.fault_of(slow, START + timedelta(days=8)) == ("finished_at", "too_long")


FULL = replace(
    DONE,
    image_digest=DIGEST,
    commit_sha="a1b2c3d",
    branch="main",
    author="Sara",
    ci_run="https://ci.example/7",
    committed_at=at(-60),
    smoke_test=SmokeTest.PASSED,
)


def test_an_end_is_added_to_a_start_and_a_late_start_takes_nothing_back() -> None:
    assert rules.merged(RUNNING, FULL) == FULL
    assert rules.merged(FULL, RUNNING) == FULL


def test_a_smoke_test_may_be_told_after_the_end() -> None:
    tested = replace(DONE, smoke_test=SmokeTest.FAILED)

    assert rules.merged(DONE, tested) == tested


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("service", "frontend"),
        ("version", "1.42.1"),
        ("started_at", at(1)),
        ("environment", "staging"),
        ("namespace", "other"),
        ("workloads", ("docuchat-worker",)),
        ("image_digest", OTHER_DIGEST),
        ("commit_sha", "ffffffff"),
        ("branch", "hotfix"),
        ("author", "Reza"),
        ("ci_run", "https://ci.example/8"),
        ("committed_at", at(-61)),
        ("finished_at", at(6)),
        ("result", DeployResult.FAILED),
        ("smoke_test", SmokeTest.FAILED),
    ],
)
def test_a_message_that_says_something_else_is_a_contradiction(field: str, value: object) -> None:
    with pytest.raises(rules.ContradictionError) as wrong:
        rules.merged(FULL, replace(FULL, **{field: value}))

    assert wrong.value.field == field


def test_every_field_is_either_kept_or_filled() -> None:
    known = {*rules._FROM_THE_BEGINNING, *rules._FILLED_ONCE, "key", "result", "finished_at"}

    assert {field.name for field in fields(NewDeploy)} == known


PARTS = [RUNNING, DONE, replace(RUNNING, author="Sara"), replace(DONE, image_digest=DIGEST), FULL]


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=8), st.randoms())
def test_messages_lead_to_the_same_in_any_order_and_number(messages: list[NewDeploy], dice: Any) -> None:
    def told(each: list[NewDeploy]) -> NewDeploy:
        known = each[0]
        for message in each[1:]:
            known = rules.merged(known, message)
        return known

    shuffled = [*messages, dice.choice(messages)]
    dice.shuffle(shuffled)

    assert told(shuffled) == told(messages)


def rollout(**changed: Any) -> RolloutTrace:
    known = RolloutTrace(
        namespace="docuchat",
        workload="docuchat-api",
        began_at=at(1),
        images=(f"registry.example:5000/docuchat/api:1.42.0@{DIGEST}",),
        version="1.42.0",
    )
    return replace(known, **changed)


TAGGED = ("registry.example:5000/docuchat/api:1.42.0",)
OLD = ("registry.example:5000/docuchat/api:1.41.0",)


@pytest.mark.parametrize(
    ("changed", "told", "is_cause"),
    [
        pytest.param({}, {"image_digest": DIGEST}, True, id="the same digest"),
        pytest.param({}, {"image_digest": OTHER_DIGEST}, False, id="another digest"),
        pytest.param(
            {},
            {"image_digest": OTHER_DIGEST, "workloads": ("docuchat-api", "docuchat-jobs")},
            True,
            id="the digest of another of its workloads",
        ),
        pytest.param({}, {}, True, id="the same version where no digest is told"),
        pytest.param({"images": TAGGED}, {"image_digest": DIGEST}, True, id="the same tag"),
        pytest.param({"images": TAGGED, "version": ""}, {"version": "v1.42.0"}, True, id="a v before it"),
        pytest.param({"images": OLD, "version": ""}, {}, False, id="another tag"),
        pytest.param({"images": OLD}, {}, True, id="the label where the tag is another"),
        pytest.param({"images": (), "version": ""}, {}, True, id="time alone where nothing is known"),
        pytest.param(
            {"images": ("registry.example:5000/api",), "version": ""}, {}, True, id="a port is no tag"
        ),
        pytest.param({"workload": "docuchat-worker"}, {}, False, id="another workload"),
        pytest.param({"namespace": "staging"}, {}, False, id="another namespace"),
        pytest.param({}, {"namespace": ""}, True, id="no namespace told"),
        pytest.param({}, {"workloads": ()}, False, id="no workload told"),
        pytest.param({"began_at": at(-2)}, {}, True, id="a little before the start"),
        pytest.param({"began_at": at(-2.1)}, {}, False, id="before the start"),
        pytest.param({"began_at": at(15)}, {}, True, id="a little after the end"),
        pytest.param({"began_at": at(15.1)}, {}, False, id="after the end"),
        pytest.param(
            {"began_at": at(120)},
            {"finished_at": None, "result": DeployResult.RUNNING},
            True,
            id="while it still runs",
        ),
        pytest.param(
            {"began_at": at(121)},
            {"finished_at": None, "result": DeployResult.RUNNING},
            False,
            id="one whose end nobody told",
        ),
    ],
)
def test_a_rollout_is_caused_by_what_fits_it(
    changed: dict[str, Any], told: dict[str, Any], *, is_cause: bool
) -> None:
    known = record(**told)

    assert rules.cause_of(rollout(**changed), [known]) == (known if is_cause else None)


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        pytest.param("https://ci.example.ir/runs/7?a=1#log", True, id="a known host"),
        pytest.param("https://CI.example.ir/runs/7", True, id="in capitals"),
        pytest.param("http://ci.example.ir/runs/7", False, id="without TLS"),
        pytest.param("https://ci.example.ir.evil.example/", False, id="one that begins alike"),
        pytest.param("https://sub.ci.example.ir/", False, id="one below"),
        pytest.param("https://ci.example.ir@evil.example/", False, id="a user like it"),
        pytest.param("https://evil.example\\@ci.example.ir/", False, id="a backslash"),
        pytest.param("https://evil.example\\.ci.example.ir/", False, id="a backslash and no user"),
        pytest.param("https://ci.example.ir:8443/", False, id="a port"),
        pytest.param("https://ci.example.ir:port/", False, id="no number as its port"),
        pytest.param("https://[ci.example.ir/", False, id="half a bracket"),
        pytest.param("javascript:alert(1)//https://ci.example.ir/", False, id="a script"),
        pytest.param("", False, id="none"),
    ],
)
def test_a_run_is_a_link_only_to_a_known_host(address: str, *, is_link: bool) -> None:
    assert rules.ci_link(address, {"ci.example.ir"}) == (address if is_link else "")


def test_a_deployment_is_silent_when_its_end_is_overdue() -> None:
    assert not rules.is_silent(RUNNING, at(120))
    assert rules.is_silent(RUNNING, at(121))
    assert not rules.is_silent(DONE, at(121))


def test_of_several_the_one_with_the_best_evidence_is_taken_then_the_newest() -> None:
    exact = record(key="exact", image_digest=DIGEST, started_at=at(-3))
    older = record(key="older", started_at=at(-2))
    newer = record(key="newer", started_at=at(-1))
    several = record(
        image_digest=OTHER_DIGEST, workloads=("docuchat-api", "docuchat-jobs"), started_at=at(-0.5)
    )

    assert rules.cause_of(rollout(), [older, exact, newer]) == exact
    assert rules.cause_of(rollout(), [older, several]) == older
    assert rules.cause_of(rollout(), [newer, older]) == newer
    assert rules.cause_of(rollout(), []) is None
