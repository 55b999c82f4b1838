"""Whom each page is for. A courtesy for visitors; what protects data is the guard and the services."""

from backend.actor import Role

_roles: dict[str, frozenset[Role]] = {}


def declare(route: str, roles: frozenset[Role]) -> None:
    """Remember whom a page is for. No roles: for everybody, signed in or not."""
    if roles:
        _roles[route] = roles


def roles_of_path(path: str) -> frozenset[Role] | None:
    """Whom the page at a path is for, or None when no such page asks for a role."""
    parts = path.strip("/").split("/")
    for route, roles in _roles.items():
        pattern = route.strip("/").split("/")
        if len(pattern) == len(parts) and all(
            want.startswith("[") or want == got for want, got in zip(pattern, parts, strict=True)
        ):
            return roles
    return None
