"""A run's trace leads back to the click that asked for it."""

import pytest

from backend.actor import Actor
from backend.runbooks import service as runs
from backend.tracing import spans
from runbooks import asking_service, engine
from tests.conftest import forget_caches
from tests.integration.runbooks.conftest import MakeAction, wish
from tests.otlp import attributes, collecting


def test_planning_and_steps_of_a_run_link_to_the_one_who_asked(
    operator: Actor, make_action: MakeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_action()
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        forget_caches()
        spans.start("tests")
        with spans.span("click"):
            run = asking_service.ask(operator, wish())
        engine.work_on(run.id)
        runs.confirm(operator, run.id, runs.run(operator, run.id).plan_hash, "one")
        engine.work_on(run.id)
        spans.stop()
        forget_caches()

    found = collector.spans()
    [click] = found["click"]
    planning, steps = found["run change_thing"]
    assert [each.links[0].trace_id for each in (planning, steps)] == [click.trace_id] * 2
    assert [each.links[0].span_id for each in (planning, steps)] == [click.span_id] * 2
    assert len({click.trace_id, planning.trace_id, steps.trace_id}) == 3
    assert attributes(steps) == {"run.id": str(run.id), "run.action": "change_thing"}
    [step] = found["step write"]
    assert step.parent_span_id == steps.span_id
