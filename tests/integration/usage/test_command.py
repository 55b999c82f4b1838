"""The question at the terminal: an array for programs, a table for people, and honest exit codes."""

import json
import os
import subprocess
import sys
from datetime import date

import jdatetime
import pytest

from backend.clock import day_window
from backend.usage.__main__ import main
from tests.integration.usage import nights, special
from tests.integration.usage.world import World

SETTINGS = ("DATABASE_URL", "PROMETHEUS_URL", "USAGE_SELECTOR", "USAGE_REPLICA_LABEL", "PUBLIC_URL")


def ask(*argv: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return subprocess.run(
        [sys.executable, "-m", "backend.usage", *argv],
        env={**environment, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def world_named(name: str) -> World:
    return next(world for world in special.special_worlds() if world.name == name)


def test_without_a_database_it_prints_one_array_with_evidence(prometheus_url: str) -> None:
    window = day_window(special.LONG_DAY)
    proven = world_named("long-day").proven(
        window.start.timestamp(), window.end.timestamp(), history_from=window.start.timestamp() - 4 * 3600
    )

    asked = ask(
        "--day", str(special.LONG_DAY), "--prometheus-url", prometheus_url, "--json",
        USAGE_SELECTOR='scenario="long-day"',
    )  # fmt: skip

    assert (asked.returncode, asked.stderr) == (0, "")
    rows = json.loads(asked.stdout)
    assert {(row["tenant"], row["model"], row["type"]): row["tokens"] for row in rows} == proven
    for row in rows:
        assert isinstance(row["tokens"], int)
        assert (row["held"], row["flags"]) == (False, [])
        assert row["tokens"] == sum(each["closing"] - each["opening"] for each in row["readings"])


def test_something_held_ends_with_3(prometheus_url: str) -> None:
    day = special.LONG_DAY + (special.LONG_DAY - date(2022, 9, 20))

    asked = ask(
        "--day", str(day), "--tenant", "tenant-0", "--prometheus-url", prometheus_url, "--json",
        USAGE_SELECTOR='scenario="away"',
    )  # fmt: skip

    assert asked.returncode == 3
    assert [row["held"] for row in json.loads(asked.stdout)] == [True]


@pytest.mark.parametrize("tenant", [["--tenant", "tenant-1"], []])
def test_one_tenant_alone_is_answered_when_it_is_named(
    tenant: list[str],
    prometheus_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    monkeypatch.setenv("USAGE_SELECTOR", 'scenario="long-day"')

    code = main(["--day", str(special.LONG_DAY), "--prometheus-url", prometheus_url, "--json", *tenant])

    told = {row["tenant"] for row in json.loads(capsysbinary.readouterr().out)}
    assert (code, told) == (0, {"tenant-1"} if tenant else {"tenant-0", "tenant-1", "tenant-2"})


def test_people_get_a_table(prometheus_url: str) -> None:
    asked = ask(
        "--day", str(special.LONG_DAY), "--prometheus-url", prometheus_url,
        USAGE_SELECTOR='scenario="long-day"',
    )  # fmt: skip

    assert asked.returncode == 0
    assert "tenant-2" in asked.stdout
    assert "100.000%" in asked.stdout
    assert asked.stdout.splitlines()[-1].startswith("Not scanned yet:")


def test_another_replica_label_is_honoured(nights_url: str) -> None:
    tokens = {}
    for label in ("site", "prometheus_replica"):
        asked = ask(
            "--day", str(nights.SECOND), "--prometheus-url", nights_url, "--json",
            USAGE_SELECTOR='scenario="replicas"', USAGE_REPLICA_LABEL=label,
        )  # fmt: skip
        [row] = json.loads(asked.stdout)
        tokens[label] = row["tokens"]

    # Without it the two sites look like parts of one whole.
    assert tokens["prometheus_replica"] == 2 * tokens["site"] == 2 * 24 * 60 * nights.RATE[nights.A]


def test_a_jalali_day_is_the_same_day_and_the_answer_names_both(prometheus_url: str) -> None:
    jalali = jdatetime.date.fromgregorian(date=special.LONG_DAY).isoformat()
    where = ["--prometheus-url", prometheus_url]

    answers = [ask("--day", day, *where).stdout for day in (str(special.LONG_DAY), jalali)]

    assert answers[0] == answers[1]
    assert answers[0].startswith(f"{special.LONG_DAY} ({jalali}), from")


def test_nothing_used_is_an_empty_array(prometheus_url: str) -> None:
    asked = ask("--day", "2020-01-01", "--prometheus-url", prometheus_url, "--json")

    assert (asked.returncode, json.loads(asked.stdout)) == (0, [])


def test_with_a_database_stored_readings_open_the_day(database: str, prometheus_url: str) -> None:
    asked = ask(
        "--day", str(special.LONG_DAY), "--json",
        USAGE_SELECTOR='scenario="long-day"', DATABASE_URL=database, PROMETHEUS_URL=prometheus_url,
    )  # fmt: skip

    assert asked.returncode == 0
    assert [row["is_scanned"] for row in json.loads(asked.stdout)] == [False] * 3


@pytest.mark.parametrize(
    ("argv", "settings", "code", "said"),
    [
        pytest.param(["--day", "2022-02-30"], {}, 2, "exists in neither calendar", id="no such day"),
        *[
            pytest.param(["--day", day], {}, 2, "outside the years 2020 to 2100", id=f"year of {day}")
            for day in ("0001-01-01", "9999-12-31", "1397-01-01")
        ],
        pytest.param(
            ["--day", "2099-01-01", "--prometheus-url", "http://127.0.0.1:1"], {}, 2, "not begun", id="future"
        ),
        pytest.param(["--day", "2022-09-21"], {}, 2, "DATABASE_URL", id="no database named"),
        pytest.param(
            ["--day", "2022-09-21", "--prometheus-url", "x"], {}, 2, "PROMETHEUS_URL", id="no address"
        ),
        pytest.param(
            ["--day", "2022-09-21", "--prometheus-url", "http://127.0.0.1:1"],
            {},
            1,
            "cannot be reached",
            id="dead",
        ),
        pytest.param(
            ["--day", "2022-09-21"],
            {"DATABASE_URL": "postgresql://portal@127.0.0.1:1/none"},
            1,
            "database",
            id="dead database",
        ),
    ],
)
def test_what_cannot_be_answered_says_so(
    argv: list[str], settings: dict[str, str], code: int, said: str
) -> None:
    asked = ask(*argv, **settings)

    assert (asked.returncode, asked.stdout) == (code, "")
    assert said in asked.stderr
    assert "Traceback" not in asked.stderr


def test_a_selection_that_is_no_promql_is_refused_in_words(prometheus_url: str) -> None:
    asked = ask(
        "--day", "2022-09-21", "--prometheus-url", prometheus_url, USAGE_SELECTOR='namespace=~"(?=a)"'
    )

    assert asked.returncode == 1
    assert "refused" in asked.stderr
    assert "Traceback" not in asked.stderr
