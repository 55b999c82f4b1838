"""The address of one server of the database itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """The address of one server itself, where the name in the settings may lead to another one."""

    host: str
    port: int
