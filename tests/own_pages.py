"""The pages of the portal, as tests ask for them."""

from backend.actor import Role
from portal import pages


def own_pages(role: Role | None = None) -> list[pages.Page]:
    """Every page that asks for a role, or those that one role may see."""
    import portal.portal  # noqa: F401, PLC0415 (registers the pages)

    return [page for page in pages.registered() if (role in page.roles if role else page.roles)]
