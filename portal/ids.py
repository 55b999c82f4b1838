"""Ids that a browser names: in an address, a form or an event, so they may be anything."""

from uuid import UUID

from backend.errors import NotFound


def uuid_of(named: object) -> UUID:
    """The id that something from outside names. Raises NotFound for what names none, as for what is somebody else's."""
    try:
        return UUID(named)  # type: ignore[arg-type]  # whatever it is, the constructor refuses it
    except (TypeError, ValueError, AttributeError) as wrong:
        raise NotFound from wrong
