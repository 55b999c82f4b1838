"""Each target is told, is in a topic, does something of its own, and is tried by a test."""

from collections import Counter
from pathlib import Path

from tests.delivery.standins import ROOT, Programs
from tests.delivery.targets import bare_targets, targets

WIDEST = 100
PROMISED = {
    "help",
    "devops-up",
    "devops-check",
    "test-all",
    "lint-all",
    "k8s-deploy",
    "metrics-show",
    "billing-run",
    "devops-down",
    "k8s-diff",
    "k8s-rollback",
    "k8s-status",
    "logs",
    "billing-plan",
    "backup-db",
    "restore-db",
    "rotate-openai-key",
    "restore-drill",
    "audit-verify",
    "smoke",
    "release",
    "rules-test",
    "audit-deps",
    "i18n-check",
    "migrations",
}


def test_every_target_tells_its_topic_and_help() -> None:
    assert bare_targets() == []
    assert [each.name for each in targets().values() if not each.topic] == []


def test_every_target_is_phony() -> None:
    told = Programs(folder=Path("/nonexistent")).make("--print-data-base", "--dry-run", "help").stdout
    phony = next(line for line in told.splitlines() if line.startswith(".PHONY:")).split()[1:]
    assert set(targets()) <= set(phony)


def test_no_target_is_another_by_another_name() -> None:
    recipes = Counter((each.recipe, each.needs) for each in targets().values())
    assert [recipe for recipe, count in recipes.items() if count > 1 or not recipe[0]] == []


def test_what_operators_were_promised_is_there() -> None:
    assert set(targets()) >= PROMISED
    assert len(targets()) >= 50


def test_help_shows_every_target_by_topic_on_lines_that_fit() -> None:
    told = Programs(folder=Path("/nonexistent")).make("help").stdout.splitlines()

    shown = [line.split()[0] for line in told if line.startswith("  ")]
    topics = [line for line in told if line and not line.startswith(" ")]

    assert sorted(shown) == sorted(targets())
    assert set(topics) == {each.topic for each in targets().values()}
    assert len(topics) == len(set(topics)), "a topic stands in one place"
    assert [line for line in told if len(line) > WIDEST] == []
    assert (ROOT / "make").is_dir()
