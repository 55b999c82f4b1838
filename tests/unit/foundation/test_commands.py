"""Commands at a terminal: what they need is asked for before anything is done."""

import re
from collections.abc import Callable, Sequence

import pytest

from backend.accounts.__main__ import main as accounts
from backend.audit.__main__ import main as audit
from backend.backups.__main__ import main as backups
from backend.notifications.__main__ import main as notifications
from backend.payments.__main__ import main as payments
from backend.pricing.__main__ import main as pricing
from backend.tenants.__main__ import main as tenants
from backend.usage.__main__ import main as usage

USER = ["--email=b@acme.example", "--name=Sara", "--role=operator"]
COMPANY = ["--label=acme", "--name-fa=اکمه", "--name-en=Acme", "--billing-email=b@acme.example"]
PAID_OUT = ["--tenant=acme", "--amount-rial=10", "--reason=a transfer", "--key=T-1"]


@pytest.mark.parametrize(
    ("command", "begun", "needed"),
    [
        pytest.param(accounts, ["create-user"], USER, id="create-user"),
        pytest.param(accounts, ["reset-password"], ["--email=b@acme.example"], id="reset-password"),
        pytest.param(backups, ["restore"], ["portal-20261128t020000z-0a1b2c3d"], id="restore"),
        pytest.param(payments, ["pay-out"], PAID_OUT, id="pay-out"),
        pytest.param(
            pricing, ["add-prices"], ["--rial-per-1000-tokens=200", "--from=2026-12-01"], id="add-prices"
        ),
        pytest.param(pricing, ["withdraw"], ["2"], id="withdraw"),
        pytest.param(pricing, ["add-tax"], ["10", "--from=2026-12-01"], id="add-tax"),
        pytest.param(tenants, ["create"], COMPANY, id="create a company"),
        pytest.param(usage, [], ["--day=2026-11-22"], id="usage"),
        *(
            pytest.param(each, [], ["list"], id=f"{each.__module__} without a command")
            for each in (accounts, audit, backups, notifications, payments, pricing, tenants)
        ),
    ],
)
def test_a_command_without_something_that_it_needs_is_asked_wrongly_and_names_it(
    command: Callable[[Sequence[str]], int],
    begun: list[str],
    needed: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for missing in needed:
        with pytest.raises(SystemExit) as ended:
            command([*begun, *(each for each in needed if each != missing)])

        told = capsys.readouterr().err
        assert ended.value.code == 2
        assert "the following arguments are required" in told
        assert not missing.startswith("--") or missing.partition("=")[0] in told.splitlines()[-1]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(each, id=each.__module__)
        for each in (accounts, audit, backups, notifications, payments, pricing, tenants)
    ],
)
def test_help_says_of_every_command_what_it_does(
    command: Callable[[Sequence[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command(["--help"])

    told = capsys.readouterr().out
    assert told.startswith(f"usage: python -m {command.__module__.removesuffix('.__main__')} ")
    choice = re.search(r"\{([\w,-]+)\}", told)
    assert choice
    for name in choice[1].split(","):
        # A long name stands in a line of its own.
        assert re.search(rf"^ {{4}}{name}(?: +|\n {{5,}})\w", told, re.MULTILINE), name


@pytest.mark.parametrize(
    ("begun", "meant"),
    [
        ("add-prices", "--rial-per-1000-tokens RIAL the price where no other is given"),
        (
            "add-prices",
            "--model-rial-per-1000-tokens MODEL RIAL the price of a model; may be given several times",
        ),
        (
            "add-prices",
            "--type-rial-per-1000-tokens TYPE RIAL the price of a type of tokens, such as cached_prompt;",
        ),
        ("withdraw", "VERSION its number in the list"),
        ("add-tax", "PERCENT such as 10 or 9.5; 0 for none"),
    ],
)
def test_help_says_of_a_price_in_which_order_it_is_given_and_what_it_is_for(
    begun: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        pricing([begun, "--help"])

    assert meant in " ".join(capsys.readouterr().out.split())
