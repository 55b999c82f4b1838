"""Every action, found by its module in ``runbooks/actions``, with its sentences beside it."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from backend.errors import NotFound
from backend.i18n import catalog
from runbooks import actions as package
from runbooks.action import Action

HERE = Path(__file__).parent

catalog.add_folders([HERE, HERE / "actions"])


@cache
def actions() -> Mapping[str, Action[Any]]:
    """The actions by name. Raises ValueError for a module that has none, or whose action has another name."""
    found = {}
    for module in sorted(each.name for each in pkgutil.iter_modules(package.__path__)):
        action = getattr(importlib.import_module(f"{package.__name__}.{module}"), "ACTION", None)
        if not isinstance(action, Action) or action.name != module:
            raise ValueError(f"runbooks/actions/{module}.py holds no action of this name")
        found[module] = action
    return found


def action_named(name: str) -> Action[Any]:
    """An action. Raises NotFound, whatever the name looks like."""
    found = actions().get(name)
    if found is None:
        raise NotFound(reason="runbook_action")
    return found
