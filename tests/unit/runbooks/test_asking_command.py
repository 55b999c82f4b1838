"""``python -m runbooks ask``: what is refused before anybody is asked for a password."""

from argparse import Namespace

import pytest

from backend.errors import Invalid
from runbooks.asking_command import ask


def test_a_field_with_two_values_is_refused_and_none_is_dropped() -> None:
    chosen = Namespace(action="pause_job", email="a@x.example", fields=["job=a", "job=b"])

    with pytest.raises(Invalid) as refused:
        ask(chosen)

    assert refused.value.data["reason"] == "run_field_twice"
