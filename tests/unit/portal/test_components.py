"""What small parts promise to who reads with the ears."""

import pytest

from portal.bridge import Problem
from portal.components.status import error_panel, note
from portal.payments.reading import _rest


@pytest.mark.parametrize(
    ("tone", "role"), [("info", "status"), ("ok", "status"), ("warn", "alert"), ("bad", "alert")]
)
def test_only_bad_news_interrupts(tone: str, role: str) -> None:
    assert f'role:"{role}"' in str(note("x", tone=tone)).replace(" ", "")


def test_an_error_tells_its_reference_once() -> None:
    problem = Problem(text="It broke: 0123abcd", reference="0123abcd")

    assert str(error_panel(problem, retry=None)).count("0123abcd") == 1


@pytest.mark.parametrize(
    ("shown", "total", "said"),
    [
        (3, 3, ""),
        (0, 0, ""),
        (100, 1_234, "Only 100 of 1,234 are listed here; the rest appear as cases are closed."),
    ],
)
def test_a_list_that_leaves_something_out_says_so(shown: int, total: int, said: str) -> None:
    assert _rest(shown, total, "en") == said
