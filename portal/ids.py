"""Ids that a browser names: in an address, a form or an event, so they may be anything."""

from uuid import UUID

from backend.errors import NotFound


def uuid_of(named: object) -> UUID:
    """The id named from outside. Raises NotFound for anything else, as for an id of somebody else's."""
    try:
        return UUID(named)  # type: ignore[arg-type]  # whatever it is, the constructor refuses it
    except (TypeError, ValueError, AttributeError) as wrong:
        raise NotFound from wrong
