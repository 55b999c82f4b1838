"""Feeds a parser hostile data and says what it must not do."""

from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from backend.errors import AppError
from backend.i18n.catalog import LANGUAGES
from backend.i18n.errors import error_text
from tests.fuzz.parsers import Parser, largest, size_of

# The first draw of a process builds the tables of Unicode, which is slow on a busy machine.
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def try_parser(parser: Parser, examples: int, start: int = 0) -> None:
    """Feed a parser so many examples; the same start draws the same ones. Raises what the parser should not have."""

    def keeps_its_promise(body: bytes) -> None:
        try:
            made = parser.read(body)
        except AppError as error:
            made = [error_text(error, lang) for lang in LANGUAGES]
        assert size_of(made) <= largest(body)

    options: dict[str, Any] = {
        "max_examples": examples,
        "deadline": None,
        "report_multiple_bugs": False,
        "suppress_health_check": SLOW,
    }
    phases = [Phase.explicit, Phase.generate, Phase.shrink]
    tried = settings(**options, database=None, phases=phases)(given(parser.fed)(keeps_its_promise))
    seed(start)(tried)()
