"""``python -m backend.pricing``: show prices and value added tax, and add new ones from a future day on."""

import argparse
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from backend.command_line import CLI, day, obey, whole_number
from backend.days import in_both
from backend.errors import Invalid
from backend.free_text import number
from backend.log import configure_logging
from backend.pricing import service
from backend.pricing.types import ANY, ChangeKind, NewPriceList, PriceChange, PriceList

GENERAL_PRICE = "--rial-per-1000-tokens"
# What each kind of change takes: another option would be dropped, and more would be changed than was meant.
_OPTIONS = {
    "model": "--model",
    "type": "--type",
    "rial_per_1000_tokens": GENERAL_PRICE,
    "priced_as": "--priced-as",
}
_TAKES = {
    ChangeKind.PRICE: ("model", "type", "rial_per_1000_tokens"),
    ChangeKind.ALIAS: ("model", "priced_as"),
    ChangeKind.REMOVE: ("model", "type"),
    ChangeKind.REQUIRE: (),
    ChangeKind.ALLOW: (),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; 0 when it was done, 1 with a sentence when it was refused."""
    return obey(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.pricing", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show every price and tax, the newest first").set_defaults(run=_list)
    prices = commands.add_parser(
        "add-prices", help="add a price list; what is used before its day keeps its price"
    )
    _add_day(prices)
    prices.add_argument(
        GENERAL_PRICE, metavar="RIAL", required=True, help="the price where no other is given"
    )
    for option, names, of_what in (
        ("--model-rial-per-1000-tokens", ("MODEL", "RIAL"), "a model"),
        ("--type-rial-per-1000-tokens", ("TYPE", "RIAL"), "a type of tokens, such as cached_prompt"),
        ("--model-type-rial-per-1000-tokens", ("MODEL", "TYPE", "RIAL"), "a type of tokens of a model"),
    ):
        prices.add_argument(
            option,
            metavar=names,
            nargs=len(names),
            action="append",
            default=[],
            help=f"the price of {of_what}; may be given several times",
        )
    prices.add_argument(
        "--alias",
        dest="aliases",
        metavar=("NAME", "MODEL"),
        nargs=2,
        action="append",
        default=[],
        help="a name that has the prices of a model, such as a deployment; may be given several times",
    )
    prices.add_argument(
        "--require-own-price",
        action="store_true",
        help="hold the usage of a model without a price of its own, instead of billing the general price",
    )
    prices.add_argument(
        "--free",
        action="store_true",
        help="allow a model or a type to cost 0; without this word 0 is refused as a slip",
    )
    prices.set_defaults(run=_add_prices)
    _add_change(commands)
    withdraw = commands.add_parser("withdraw", help="take back a price list that has not begun")
    withdraw.add_argument("version", type=whole_number, metavar="VERSION", help="its number in the list")
    withdraw.set_defaults(run=_withdraw)
    tax = commands.add_parser("add-tax", help="set the value added tax from a day on")
    _add_day(tax)
    tax.add_argument("percent", metavar="PERCENT", help="such as 10 or 9.5; 0 for none")
    tax.set_defaults(run=_add_tax)
    return parser


def _add_change(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    change = commands.add_parser(
        "change", help="change one price from a day on: shows what it would do, and does it with --confirm"
    )
    change.add_argument(
        "kind",
        choices=[kind.value for kind in ChangeKind],
        help="set a price, set an alias, remove one of both; require a price of each model, or allow the general one",
    )
    _add_day(change)
    change.add_argument(
        "--model", metavar="MODEL", default=ANY, help="the model or alias; any model by default"
    )
    change.add_argument("--type", metavar="TYPE", default=ANY, help="the type of tokens; any type by default")
    change.add_argument(GENERAL_PRICE, metavar="RIAL", help="the new price")
    change.add_argument(
        "--priced-as", metavar="MODEL", default="", help="the model whose prices an alias has"
    )
    change.add_argument("--confirm", metavar="HASH", help="do exactly what a preview with this hash showed")
    change.set_defaults(run=_change)


def _add_day(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--from",
        dest="valid_from",
        metavar="DAY",
        type=day,
        required=True,
        help="first day in Tehran, after today, such as 2026-12-22 or 1405-10-01",
    )


def _list(_chosen: argparse.Namespace) -> None:
    for prices in service.price_lists(CLI):
        print("\n".join(_lines(prices)))
    for rate in service.tax_rates(CLI):
        print(f"tax\tfrom {in_both(rate.valid_from)}\t{_plain(rate.percent)} %")


def _lines(prices: PriceList) -> list[str]:
    """Lines of text for the prices of a list, the general price first."""
    each_price = {(ANY, ANY): prices.rial_per_1000_tokens, **prices.overrides}
    start = f"prices {prices.version}\tfrom {in_both(prices.valid_from)}"
    return [
        *(
            f"{start}\t{model or 'any model'}\t{kind or 'any type'}\t{_plain(price)} rial per 1000 tokens"
            for (model, kind), price in sorted(each_price.items())
        ),
        *(f"{start}\t{model}\tpriced as {priced_as}" for model, priced_as in sorted(prices.aliases.items())),
        *([f"{start}\ta model without a price of its own is held"] if prices.requires_own_price else []),
    ]


def _plain(value: Decimal) -> str:
    return f"{value.normalize():,f}"


def _add_prices(chosen: argparse.Namespace) -> None:
    added = service.add_price_list(
        CLI,
        NewPriceList(
            valid_from=chosen.valid_from,
            rial_per_1000_tokens=_number(chosen.rial_per_1000_tokens, "rial_per_1000_tokens", "price"),
            overrides=_overrides(chosen),
            aliases=_aliases(chosen),
            requires_own_price=chosen.require_own_price,
        ),
    )
    print("\n".join(_lines(added)))


def _overrides(chosen: argparse.Namespace) -> dict[tuple[str, str], Decimal]:
    """The prices that differ from the general one. Raises Invalid for a pair that is given twice."""
    given = [
        *((model, ANY, rial) for model, rial in chosen.model_rial_per_1000_tokens),
        *((ANY, kind, rial) for kind, rial in chosen.type_rial_per_1000_tokens),
        *chosen.model_type_rial_per_1000_tokens,
    ]
    overrides = {(model, kind): _number(rial, "overrides", "price") for model, kind, rial in given}
    if len(overrides) < len(given):
        raise Invalid(field="overrides", reason="price_given_twice")
    # A change of one price shows what it would do first; a whole list does not.
    if not chosen.free and 0 in overrides.values():
        raise Invalid(field="overrides", reason="price_free")
    return overrides


def _aliases(chosen: argparse.Namespace) -> dict[str, str]:
    """The names that have the prices of a model. Raises Invalid for a name that is given twice."""
    aliases = dict(chosen.aliases)
    if len(aliases) < len(chosen.aliases):
        raise Invalid(field="aliases", reason="alias_given_twice")
    return aliases


def _number(text: str, field: str, reason: str) -> Decimal:
    try:
        return Decimal(number(text))
    except InvalidOperation:
        raise Invalid(field=field, reason=reason) from None


def _check_options(chosen: argparse.Namespace) -> None:
    for name, option in _OPTIONS.items():
        if getattr(chosen, name) and name not in _TAKES[ChangeKind(chosen.kind)]:
            raise Invalid(field=name, reason="price_change_option", option=option, kind=chosen.kind)


def _change(chosen: argparse.Namespace) -> None:
    _check_options(chosen)
    price = chosen.rial_per_1000_tokens
    change = PriceChange(
        valid_from=chosen.valid_from,
        kind=ChangeKind(chosen.kind),
        model=chosen.model,
        type=chosen.type,
        rial_per_1000_tokens=None if price is None else _number(price, "rial_per_1000_tokens", "price"),
        priced_as=chosen.priced_as,
    )
    if chosen.confirm is not None:
        print("\n".join(_lines(service.confirm_change(CLI, change, chosen.confirm))))
        return
    preview = service.preview_change(CLI, change)
    usage = preview.usage
    replaced = f", in place of list {preview.base.version}" if preview.is_replacing else ""
    print(f"would begin {in_both(preview.new.valid_from)}{replaced}")
    print(f"usage of {in_both(preview.first_day)} to {in_both(preview.last_day)}: {usage.tokens:,} tokens")
    print(f"total\t{usage.old_rial:,} rial\t{usage.new_rial:,} rial")
    print(f"waits\t{usage.old_waiting_tokens:,} tokens\t{usage.new_waiting_tokens:,} tokens")
    for tenant in usage.most_changed:
        print(f"{tenant.name('en')}\t{tenant.old_rial:,} rial\t{tenant.new_rial:,} rial")
    print(f"Nothing was saved. To save exactly this, add: --confirm {preview.preview_hash}")


def _withdraw(chosen: argparse.Namespace) -> None:
    service.withdraw_price_list(CLI, chosen.version)
    print(f"Withdrew price list {chosen.version}.")


def _add_tax(chosen: argparse.Namespace) -> None:
    percent = _number(chosen.percent, "percent", "tax_percent")
    service.add_tax_rate(CLI, chosen.valid_from, percent)
    print(f"Added: tax of {_plain(percent)} % from {in_both(chosen.valid_from)}.")


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
