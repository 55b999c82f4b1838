from uuid import UUID

import pytest

from backend.errors import NotFound
from portal.ids import uuid_of

NAMED = "0b0f8a5e-1111-4222-8333-abcdefabcdef"


def test_an_id_is_what_it_says() -> None:
    assert uuid_of(NAMED) == UUID(NAMED)


@pytest.mark.parametrize(
    "named", ["", "x", NAMED[:-1], "۰" * 31, None, 7, 1.5, [], {"a": 1}, b"x", UUID(NAMED)]
)
def test_what_is_no_id_is_not_found(named: object) -> None:
    with pytest.raises(NotFound):
        uuid_of(named)
