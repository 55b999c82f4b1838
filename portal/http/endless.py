"""Answers that go on for as long as somebody reads them: the end of the server does not wait for them."""

from typing import Any

from starlette.types import Scope

_MARK = "is_endless"


def mark_endless(scope: Scope) -> None:
    """Say that the answer to a request has no end of its own."""
    scope.setdefault("state", {})[_MARK] = True


def is_endless(scope: Any) -> bool:
    """Whether the answer to a request was said to have no end. Middlewares copy a scope, but share its state."""
    return bool(scope.get("state", {}).get(_MARK))
