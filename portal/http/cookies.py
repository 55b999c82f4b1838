"""The cookies of the portal: the session's for the server alone, language and theme for the boot script too."""

from starlette.responses import Response

from backend.accounts.types import Theme
from backend.config import settings
from backend.i18n.catalog import Lang
from portal.i18n import LANGUAGE_COOKIE, THEME_COOKIE

_YEAR_S = 365 * 86_400
CHOSEN_COOKIE = "lang_chosen"


def set_session(response: Response, token: str) -> None:
    """Hand the session's token to the browser, out of reach of any script."""
    response.set_cookie(
        settings().cookie_name,
        token,
        max_age=settings().session_life_s,
        httponly=True,
        secure=settings().is_https,
        samesite="lax",
    )


def drop_session(response: Response) -> None:
    """Make the browser forget the session's token."""
    response.delete_cookie(settings().cookie_name, httponly=True, secure=settings().is_https, samesite="lax")


def set_language(response: Response, lang: Lang) -> None:
    """Show pages in this language from the next load on."""
    response.set_cookie(LANGUAGE_COOKIE, lang, max_age=_YEAR_S, secure=settings().is_https, samesite="lax")


def set_theme(response: Response, theme: Theme) -> None:
    """Show pages in this theme from the next load on."""
    response.set_cookie(THEME_COOKIE, theme, max_age=_YEAR_S, secure=settings().is_https, samesite="lax")


def note_choice(response: Response) -> None:
    """Remember that a stranger chose the language, so that signing in keeps it for the account."""
    response.set_cookie(
        CHOSEN_COOKIE, "1", max_age=3600, httponly=True, secure=settings().is_https, samesite="lax"
    )


def drop_choice(response: Response) -> None:
    """The choice is kept by the account now."""
    response.delete_cookie(CHOSEN_COOKIE, httponly=True, secure=settings().is_https, samesite="lax")
