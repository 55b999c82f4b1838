"""``python -m backend.pricing``, as a person at a terminal uses it."""

import os
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal

import pytest

from backend import clock
from backend.days import in_both
from backend.pricing import service as pricing
from backend.pricing.__main__ import main
from tests import factories

FIRST_LIST = "prices 1\tfrom 2020-01-01 (1398-10-11)\tany model\tany type\t200 rial per 1000 tokens\n"
FIRST_TAX = "tax\tfrom 2020-01-01 (1398-10-11)\t0 %\n"
PRICES = "add-prices"
GENERAL = "--rial-per-1000-tokens"


def day(after_today: int) -> date:
    return clock.billing_day(clock.utc_now()) + timedelta(days=after_today)


def since(after_today: int) -> tuple[str, str]:
    return "--from", day(after_today).isoformat()


def test_a_new_installation_shows_its_one_price_and_no_tax(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list"]) == 0

    assert capsys.readouterr().out == FIRST_LIST + FIRST_TAX


def test_a_change_is_shown_first_and_made_with_its_hash(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change = ["change", "price", *since(1), "--model", "gpt-big", GENERAL, "1900"]

    assert main(change) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"would begin {in_both(day(1))}\nusage of ")
    assert "total\t0 rial\t0 rial\nwaits\t0 tokens\t0 tokens\n" in shown
    assert len(pricing.price_lists(factories.PROCESS)) == 1
    assert main([*change, "--confirm", "0"]) == 1
    assert "Look at the preview again" in capsys.readouterr().err
    assert main([*change, "--confirm", shown.split()[-1]]) == 0

    [added, _] = pricing.price_lists(factories.PROCESS)
    assert added.rate("gpt-big", "prompt") == 1900
    assert (
        f"prices {added.version}\tfrom {in_both(day(1))}\tgpt-big\tany type\t1,900 rial"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("kind", "option"),
    [("price", "--priced-as"), ("alias", "--type"), ("remove", GENERAL), ("require", "--model"), ("allow", "--type")],
)  # fmt: skip
def test_what_a_change_does_not_take_is_refused_and_not_dropped(
    database: str, capsys: pytest.CaptureFixture[str], kind: str, option: str
) -> None:
    assert main(["change", kind, *since(1), option, "1900"]) == 1

    assert f"A change of the kind {kind} takes no {option}" in capsys.readouterr().err


def test_prices_are_added_with_those_that_differ(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    differing = ["--model-rial-per-1000-tokens", "gpt-big", "1900"]
    differing += ["--type-rial-per-1000-tokens", "cached_prompt", "100"]
    differing += ["--model-type-rial-per-1000-tokens", "gpt-big", "completion", "۲٬۵۰۰"]
    differing += ["--model-rial-per-1000-tokens", "gpt-tiny", "0", "--free"]
    differing += ["--alias", "our-deployment", "gpt-big", "--require-own-price"]

    assert main([PRICES, *since(1), GENERAL, "\u200f۲۵۰٫۵", *differing]) == 0

    added = pricing.price_list_on(factories.PROCESS, day(1))
    shown = f"prices {added.version}\tfrom {in_both(day(1))}"
    expected = (
        f"{shown}\tany model\tany type\t250.5 rial per 1000 tokens\n"
        f"{shown}\tany model\tcached_prompt\t100 rial per 1000 tokens\n"
        f"{shown}\tgpt-big\tany type\t1,900 rial per 1000 tokens\n"
        f"{shown}\tgpt-big\tcompletion\t2,500 rial per 1000 tokens\n"
        f"{shown}\tgpt-tiny\tany type\t0 rial per 1000 tokens\n"
        f"{shown}\tour-deployment\tpriced as gpt-big\n"
        f"{shown}\ta model without a price of its own is held\n"
    )
    assert capsys.readouterr().out == expected
    assert main(["list"]) == 0
    assert capsys.readouterr().out == expected + FIRST_LIST + FIRST_TAX
    assert added.rate("gpt-big", "completion") == 2500
    assert added.rate("gpt-small", "prompt") == Decimal("250.5")


def test_prices_that_have_not_begun_are_withdrawn(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([PRICES, *since(1), GENERAL, "250"]) == 0
    version = pricing.price_list_on(factories.PROCESS, day(1)).version

    assert main(["withdraw", str(version)]) == 0
    assert main(["withdraw", "1"]) == 1

    assert "nothing was withdrawn" in capsys.readouterr().err
    assert [each.version for each in pricing.price_lists(factories.PROCESS)] == [1]


def test_a_tax_is_set_from_a_day_on(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["add-tax", *since(1), "9.50"]) == 0

    assert capsys.readouterr().out == f"Added: tax of 9.5 % from {in_both(day(1))}.\n"
    assert main(["list"]) == 0
    assert f"tax\tfrom {in_both(day(1))}\t9.5 %\n" in capsys.readouterr().out
    assert pricing.tax_percent_on(factories.PROCESS, day(1)) == Decimal("9.5")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([PRICES, *since(0), GENERAL, "250"], "only begin after today", id="prices of today"),
        pytest.param([PRICES, *since(1), GENERAL, "much"], "A price is a number", id="no number"),
        pytest.param([PRICES, *since(1), GENERAL, "-1"], "A price is a number", id="negative price"),
        pytest.param([PRICES, *since(1), GENERAL, "0"], "give away every model", id="all for free"),
        pytest.param(
            [PRICES, *since(1), GENERAL, "0", "--free"], "give away every model", id="all free, even so"
        ),
        pytest.param(
            [PRICES, *since(1), GENERAL, "250", "--type-rial-per-1000-tokens", "cached_prompt", "0.0"],
            "Add --free",
            id="a type for free",
        ),
        pytest.param(
            [PRICES, *since(1), GENERAL, "250", "--type-rial-per-1000-tokens", "prompt", "x"],
            "A price is a number",
            id="no number among the others",
        ),
        pytest.param(
            [PRICES, *since(1), GENERAL, "250", "--model-rial-per-1000-tokens", "", "9"],
            "neither a model nor a type",
            id="a price of nothing",
        ),
        pytest.param(
            [PRICES, *since(1), GENERAL, "250", *["--model-rial-per-1000-tokens", "gpt-big", "9"] * 2],
            "have two prices",
            id="given twice",
        ),
        pytest.param(["add-tax", *since(0), "9"], "only begin after today", id="tax of today"),
        pytest.param(["add-tax", *since(1), "101"], "percentage from 0 to 100", id="too much tax"),
        pytest.param(["add-tax", *since(1), "nine"], "percentage from 0 to 100", id="tax in letters"),
    ],
)
def test_a_refusal_is_one_sentence_and_changes_nothing(
    database: str, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 1

    refusal = capsys.readouterr().err
    assert said in refusal
    assert refusal.count("\n") == 1
    assert main(["list"]) == 0
    assert capsys.readouterr().out == FIRST_LIST + FIRST_TAX


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([PRICES, *since(1), GENERAL, "250"], "Another price list begins on this day"),
        (["add-tax", *since(1), "9"], "Another tax rate begins on this day"),
    ],
    ids=["prices", "tax"],
)
def test_two_cannot_begin_on_one_day(
    database: str, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 0

    assert main(arguments) == 1

    assert said in capsys.readouterr().err


def test_the_command_runs_by_its_name(database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backend.pricing", "list"],
        env={**os.environ, "DATABASE_URL": database},
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (0, FIRST_LIST + FIRST_TAX), done.stderr
