"""Every action, found by its module in ``runbooks/actions``, with its sentences beside it."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from backend.errors import NotFound
from backend.i18n import catalog
from runbooks import actions as package
from runbooks.action import Action

HERE = Path(__file__).parent

catalog.add_folders([HERE, HERE / "actions"])


class _Actions(Mapping[str, Action[Any]]):
    """The actions by name. A module is read when its action is asked for: a run needs one of them, and soon."""

    def __init__(self) -> None:
        self._names = tuple(sorted(each.name for each in pkgutil.iter_modules(package.__path__)))

    def __getitem__(self, name: str) -> Action[Any]:
        if name not in self._names:
            raise KeyError(name)
        action = getattr(importlib.import_module(f"{package.__name__}.{name}"), "ACTION", None)
        if not isinstance(action, Action) or action.name != name:
            raise ValueError(f"runbooks/actions/{name}.py holds no action of this name")
        return action

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@cache
def actions() -> Mapping[str, Action[Any]]:
    """The actions by name. A module that holds no action of its name raises ValueError when that is asked for."""
    return _Actions()


def action_named(name: str) -> Action[Any]:
    """An action. Raises NotFound, whatever the name looks like."""
    found = actions().get(name)
    if found is None:
        raise NotFound(reason="runbook_action")
    return found
