"""E-mail addresses in the one form in which they are stored, compared and sent to."""

import re
from email.headerregistry import Address
from typing import NamedTuple

import idna

from backend import free_text

MAX_LENGTH = 254
_NAME_MAX_LENGTH = 120
_ADDRESS = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])"
)
_LOCAL_PART_MAX_LENGTH = 64
_NAMED = re.compile(r'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^<>"]*?))\s*<(?P<address>[^<>]*)>\s*')


class Sender(NamedTuple):
    """Sender of a mail; the name may be empty."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """The domain of the address."""
        return self.address.partition("@")[2]

    @property
    def header(self) -> Address:
        """The same for a header, which encodes non-ASCII text itself."""
        local_part, _, domain = self.address.partition("@")
        return Address(self.name, local_part, domain)


def checked(typed: str) -> str:
    """An address in lower-case ASCII; a domain with other letters becomes its ``xn--`` form.

    Invisible signs around and inside it are left out.

    Raises:
        ValueError: mail cannot be sent to it.
    """
    local_part, _, domain = free_text.latin_digits(free_text.pasted(typed)).lower().rpartition("@")
    if not domain.isascii():
        # An IDNAError is a ValueError.
        domain = idna.encode(domain, uts46=True).decode()
    address = f"{local_part}@{domain}"
    if (
        len(address) > MAX_LENGTH
        or len(local_part) > _LOCAL_PART_MAX_LENGTH
        or not _ADDRESS.fullmatch(address)
    ):
        raise ValueError("no e-mail address")
    return address


def sender(written: str) -> Sender:
    """The sender that ``Name <address>`` or a bare address names. Raises ValueError when it names none."""
    if (found := _NAMED.fullmatch(written)) is None:
        return Sender("", checked(written))
    quoted = found["quoted"]
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else found["plain"]
    shown = free_text.written(name, longest=_NAME_MAX_LENGTH) if name.strip() else ""
    return Sender(shown, checked(found["address"]))
