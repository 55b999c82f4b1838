"""Runs in words: permissions, targets and faults of fields; and what makes the button of a form grey."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from backend.i18n.catalog import Lang
from backend.runbooks.types import LockHolder, Risk, RunId, RunStep, StepPlan, StepState
from portal import run_words
from portal.features.runbooks.form_queries import FilledForm, given_in
from portal.features.runbooks.form_rows import to_form
from portal.features.runbooks.run_rows import value_words
from runbooks.action import Need, ParameterChoice
from runbooks.form_types import ActionCard, FieldKind, Form, FormField, Obstacles

AT = datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
RUN = RunId(UUID("5b1f2d6e-0000-4000-8000-000000000001"))


@pytest.mark.parametrize(
    ("need", "said"),
    [
        pytest.param(
            Need(verb="patch", group="apps", resource="deployments", namespace="docuchat"),
            "The runner's account lacks a permission: patch on deployments.apps in the namespace docuchat.",
            id="of a group",
        ),
        pytest.param(
            Need(verb="update", group="apps", resource="deployments", subresource="scale", namespace="x", name="api"),
            "The runner's account lacks a permission: update on deployments/scale.apps api in the namespace x.",
            id="of a part, by name",
        ),
        pytest.param(
            Need(verb="list", resource="nodes", namespace=""),
            "The runner's account lacks a permission: list on nodes in the namespace *.",
            id="of the whole cluster",
        ),
    ],
)  # fmt: skip
def test_a_missing_permission_is_named_by_verb_resource_and_namespace(need: Need, said: str) -> None:
    assert run_words.need_words(need, "en") == said


@pytest.mark.parametrize(
    ("fault", "bounds", "said"),
    [
        ("greater_than_equal", (1, 50), "A whole number from 1 to 50."),
        ("less_than_equal", (None, 50), "It does not have the form that is needed here."),
        ("string_too_short", (None, None), "It is too short."),
        ("int_parsing", (None, None), "Write a whole number."),
        ("choice", (None, None), "It cannot be chosen now. Load the page again."),
        ("anything_else", (None, None), "It does not have the form that is needed here."),
    ],
)
def test_a_fault_of_a_field_is_told_in_words(
    fault: str, bounds: tuple[int | None, int | None], said: str
) -> None:
    assert run_words.problem_words(fault, "en", least=bounds[0], most=bounds[1]) == said


def test_a_step_that_cannot_be_cancelled_says_so_until_it_is_done() -> None:
    def step(state: StepState) -> RunStep:
        return RunStep(
            position=0,
            name="pause",
            is_cancellable=False,
            is_repeatable=True,
            state=state,
            started_at=AT,
            ended_at=AT if state is StepState.DONE else None,
        )

    under_way, done = (
        run_words.to_step("pause_job", step(state), "en") for state in (StepState.RUNNING, StepState.DONE)
    )

    assert under_way.warning.startswith("Cannot be cancelled")
    assert (under_way.began_s, under_way.times) == (int(AT.timestamp()), "13:30:00")
    assert (done.warning, done.began_s, done.times) == ("", 0, "13:30:00 · 0 s")


def form(*fields: FormField, obstacles: Obstacles | None = None) -> Form:
    return Form(
        card=ActionCard(name="pause_job", risk=Risk.SAFE, can_be_undone=True),
        fields=fields,
        steps=(StepPlan(name="pause", is_cancellable=True, is_repeatable=True),),
        deadline_s=60,
        is_complete=True,
        obstacles=obstacles or Obstacles(),
        last_durations_s=(1.5, 62.0),
    )


def test_whatever_stands_in_the_way_makes_the_button_grey_and_is_told_with_a_name_and_a_link() -> None:
    holder = LockHolder(
        target="job:send_mail", run_id=RUN, action="pause_job", requester="user:mina@x.example", taken_at=AT
    )
    need = Need(verb="patch", resource="pods", namespace="docuchat")

    shown = to_form(form(obstacles=Obstacles(needs=(need,), holders=(holder,), cool_down_until=AT)), {}, "en")

    permission, held, cool_down = shown.obstacles
    assert "patch on pods" in permission.sentence
    assert held.sentence.startswith("mina@x.example has a run at work on Job Sending mails: Pause a job")
    assert held.url == f"/runs/{RUN}"
    assert "13:30:00" in cool_down.sentence
    assert shown.is_blocked
    assert not to_form(form(), {}, "en").is_blocked
    assert to_form(form(), {}, "en").durations == "1.5 s, 1 min"


def test_a_value_that_cannot_be_chosen_now_is_named_and_nothing_to_choose_makes_the_button_grey() -> None:
    job = FormField(name="job", kind=FieldKind.CHOICE, choices=(ParameterChoice(value="send_mail"),))
    nothing = FormField(name="job", kind=FieldKind.CHOICE)

    shown = to_form(form(job), {"job": "sweep_payments"}, "en")

    assert shown.not_offered == [
        "Job: sweep_payments cannot be chosen now. Perhaps it is gone, or this was done to it already."
    ]
    assert [choice.value for choice in shown.fields[0].choices] == ["", "send_mail"]
    assert not shown.is_blocked
    assert to_form(form(nothing), {}, "en").is_blocked


@pytest.mark.parametrize(("lang", "shown"), [("en", "12"), ("fa", "۱۲")])
def test_a_number_that_is_filled_in_has_the_digits_of_the_language_and_a_name_its_own(
    lang: Lang, shown: str
) -> None:
    number = FormField(name="replicas", kind=FieldKind.NUMBER, value="12")
    name = FormField(name="workload", kind=FieldKind.TEXT, value="worker-12")

    view = to_form(form(number, name), {}, lang)

    assert [each.value for each in view.fields] == [shown, "worker-12"]


@pytest.mark.parametrize(
    ("name", "value", "fa", "en"),
    [
        ("job", "sweep_payments", "پیگیری پرداخت‌ها", "Following up payments"),
        ("replicas", 12, "۱۲", "12"),
        ("is_all", True, "بله", "Yes"),
        ("reason", "job", "\u2068job\u2069", "\u2068job\u2069"),
    ],
)
def test_what_a_run_was_asked_with_is_shown_as_its_reader_calls_it(
    name: str, value: object, fa: str, en: str
) -> None:
    assert (value_words(name, value, "fa"), value_words(name, value, "en")) == (fa, en)


def test_an_address_fills_fields_with_text_that_can_be_stored_and_numbers_in_either_script() -> None:
    given = given_in(
        {"replicas": "۱۲", "why": "a\x00b", "from_alert": "f00", "many": ["x"], "long": "x" * 900}
    )

    assert given.keys() == {"replicas", "why", "long"}
    assert "\x00" not in given["why"]
    assert len(given["long"]) == 500
    assert FilledForm(action="scale", given=given).known["replicas"] == "12"
