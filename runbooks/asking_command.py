"""``python -m runbooks ask ACTION --as EMAIL [--with FIELD=VALUE]``: ask for a run from a terminal, as oneself.

Whoever asks proves it by the password, which is typed or comes on standard input; a secret of the action comes from the
variable ``RUN_SECRET``. The plan is read, confirmed and, where it is dangerous, approved in the portal, as always.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Mapping

from backend.accounts import service as accounts
from backend.actor import Actor
from backend.config import settings
from backend.errors import Invalid
from backend.run_inputs import service as run_inputs
from backend.runbooks.types import RunbookRun
from runbooks import asking_service, form_rules, registry
from runbooks.form_types import FieldKind, RunWish

SECRET = "RUN_SECRET"  # noqa: S105 - the name of a variable


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to a command line."""
    asking = commands.add_parser("ask", help="ask for a run as oneself; it is confirmed in the portal")
    asking.add_argument("action")
    asking.add_argument(
        "--as", dest="email", required=True, metavar="EMAIL", help="who asks; the password is typed"
    )
    asking.add_argument("--with", dest="fields", action="append", default=[], metavar="FIELD=VALUE")


def ask(chosen: argparse.Namespace) -> str:
    """Ask for the run; returns a sentence with the place where its plan is read. Raises AppError."""
    given = dict(_field(each) for each in chosen.fields)
    if len(given) < len(chosen.fields):
        raise Invalid(field="fields", reason="run_field_twice")
    signed_in = accounts.sign_in(chosen.email, _password(), address="", user_agent="python -m runbooks ask")
    try:
        run = _ask(signed_in.session.actor, chosen.action, given)
    finally:
        accounts.sign_out(signed_in.token)
    return f"Asked for {run.action}. Read its plan and confirm it: {settings().public_url}/runs/{run.id}"


def _ask(actor: Actor, action: str, given: Mapping[str, str]) -> RunbookRun:
    secret = _secret_field(action)
    filled = dict(given)
    if secret and (value := os.environ.get(SECRET, "")):
        filled[secret] = run_inputs.keep(actor, value)
    key = asking_service.new_request_key()
    return asking_service.ask(actor, RunWish(action=action, given=filled, request_key=key))


def _secret_field(name: str) -> str:
    """The field of an action that takes a secret; nothing where none does."""
    action = registry.action_named(name)
    fields = action.parameters.model_fields.items()
    kinds = {field: form_rules.kind_of(info, has_choices=field in action.choices) for field, info in fields}
    return next((field for field, kind in kinds.items() if kind is FieldKind.SECRET), "")


def _field(written: str) -> tuple[str, str]:
    name, separator, value = written.partition("=")
    if not separator:
        raise Invalid(field=name[:50], reason="run_field", words="")
    return name, value


def _password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Your password in the portal: ")
    return sys.stdin.readline().rstrip("\r\n")
