"""What a person at a terminal reads of a failure."""

import pytest

from backend.errors import Unavailable
from backend.i18n.catalog import text
from backend.i18n.errors import sentence_of


@pytest.mark.parametrize(
    ("service", "cause", "key"),
    [
        ("database", "password", "error.database_cause.password"),
        ("database", None, "error.unavailable.database"),
        ("mail", "connection", "error.unavailable.mail"),
    ],
)
def test_a_cause_is_explained_of_the_database_only(service: str, cause: str | None, key: str) -> None:
    lost = Unavailable(service=service, cause=cause) if cause else Unavailable(service=service)

    assert sentence_of(lost) == text(key, "en")
