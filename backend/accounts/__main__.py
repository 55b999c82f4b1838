"""``python -m backend.accounts``: create, list and disable users.

A password comes from a prompt or from standard input, never from the command line, which every process can read;
when standard input holds none, one is made up and printed once.
"""

import argparse
import getpass
import secrets
import sys
from collections.abc import Sequence

from backend.accounts import service
from backend.accounts.types import NewUser, User
from backend.actor import Role
from backend.command_line import CLI, obey
from backend.errors import Invalid
from backend.i18n.catalog import DEFAULT_LANGUAGE, LANGUAGES, as_language
from backend.log import configure_logging


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command of the command line; 0 when it was done, 1 with a sentence when it was refused."""
    return obey(_parser(), arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.accounts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create-user", help="create somebody who can sign in")
    create.add_argument("--email", required=True)
    create.add_argument("--name", required=True)
    create.add_argument("--role", required=True, choices=[role.value for role in Role])
    create.add_argument("--tenant", metavar="LABEL", help="the company of a tenant_viewer or tenant_admin")
    create.add_argument("--language", default=DEFAULT_LANGUAGE, choices=LANGUAGES)
    create.set_defaults(run=_create_user)
    listing = commands.add_parser("list-users", help="show everybody who can sign in")
    listing.add_argument("--tenant", metavar="LABEL", help="only the people of this company")
    listing.set_defaults(run=_list_users)
    for name, run, about in (
        ("disable-user", _disable_user, "close sign-in for somebody and end the open sessions"),
        ("enable-user", _enable_user, "open sign-in again for somebody who was disabled"),
        ("reset-password", _reset_password, "give somebody a new password and end the open sessions"),
    ):
        command = commands.add_parser(name, help=about)
        command.add_argument("--email", required=True)
        command.set_defaults(run=run)
    return parser


def _create_user(chosen: argparse.Namespace) -> None:
    tenant_id = service.tenant_with_label(CLI, chosen.tenant) if chosen.tenant else None
    password, is_made_up = _password()
    user = service.create_user(
        CLI,
        NewUser(
            email=chosen.email,
            name=chosen.name,
            password=password,
            role=Role(chosen.role),
            tenant_id=tenant_id,
            language=as_language(chosen.language),
        ),
    )
    print(f"Created {user.role} {user.email}.")
    _show(password, is_made_up)


def _list_users(chosen: argparse.Namespace) -> None:
    tenant_id = service.tenant_with_label(CLI, chosen.tenant) if chosen.tenant else None
    for user in service.users(CLI, tenant_id):
        print("\t".join((user.email, user.role, "disabled" if user.is_disabled else "enabled", user.name)))


def _disable_user(chosen: argparse.Namespace) -> None:
    user = _user(chosen)
    service.disable_user(CLI, user.id)
    print(f"Disabled {user.email}; every session of this account has ended.")


def _enable_user(chosen: argparse.Namespace) -> None:
    user = _user(chosen)
    service.enable_user(CLI, user.id)
    print(f"Enabled {user.email}.")


def _reset_password(chosen: argparse.Namespace) -> None:
    user = _user(chosen)
    password, is_made_up = _password()
    service.reset_password(CLI, user.id, password)
    print(f"Changed the password of {user.email}; every session of this account has ended.")
    _show(password, is_made_up)


def _user(chosen: argparse.Namespace) -> User:
    return service.user_with_email(CLI, chosen.email)


def _password() -> tuple[str, bool]:
    """The password that was typed or piped in; or one that was made up, and True."""
    if not sys.stdin.isatty():
        typed = sys.stdin.readline().rstrip("\r\n")
    else:
        typed = getpass.getpass("Password (leave empty to have one made up): ")
        if typed and getpass.getpass("Once more: ") != typed:
            raise Invalid(field="password", reason="password_differs")
    return (typed, False) if typed else (secrets.token_urlsafe(12), True)


def _show(password: str, is_made_up: bool) -> None:
    if is_made_up:
        print(f"Password, shown only this once: {password}")


if __name__ == "__main__":
    configure_logging()
    sys.exit(main())
