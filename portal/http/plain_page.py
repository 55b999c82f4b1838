"""Pages without Reflex, for moments at which a browser has no session or leaves for the bank."""

from functools import lru_cache
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from reflex.utils.prerequisites import get_web_dir
from starlette.requests import Request
from starlette.responses import HTMLResponse

from backend.accounts.types import as_theme
from backend.config import settings
from backend.i18n.catalog import Lang, text
from backend.payments import service as payments
from portal.i18n import THEME_COOKIE, language_in
from portal.session import cookies_in

# The gateway asks who sent the browser; to everybody else the origin tells no more than the browser does anyway.
_HEADERS = {"cache-control": "no-store", "referrer-policy": "origin"}


class CodeNumber(str):
    """A number that one reads out to a bank: shown in its own digits, from left to right."""

    __slots__ = ()

    def __html__(self) -> str:
        """The HTML of the number in a template."""
        return f'<bdi dir="ltr" class="code-number">{escape(str(self))}</bdi>'


_SHEETS = ("root-*.css", "__reflex_global_styles-*.css")


def language_of(request: Request) -> Lang:
    """The language that a request asks for, else Persian."""
    return language_in(request.headers.get("cookie", ""))


def render(request: Request, template: str, *, status: int = 200, **places: object) -> HTMLResponse:
    """Render a plain page in the visitor's language and theme."""
    lang = language_of(request)
    theme = as_theme(cookies_in(request.headers.get("cookie", "")).get(THEME_COOKIE))
    page = _environment().get_template(f"{template}.html.j2")
    html = page.render(
        t=lambda key, **params: text(key, lang, **params),
        lang=lang,
        direction="rtl" if lang == "fa" else "ltr",
        theme="" if theme == "system" else theme,
        other="en" if lang == "fa" else "fa",
        other_name="English" if lang == "fa" else "فارسی",
        stylesheets=_stylesheets(),
        is_development=not settings().is_production,
        is_sandbox_gateway=payments.is_sandbox_gateway(),
        **places,
    )
    return HTMLResponse(html, status_code=status, headers=_HEADERS)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@lru_cache(maxsize=1)
def _stylesheets() -> tuple[str, ...]:
    """The sheets of the build, fonts and our own; without a build the bare one."""
    folder = Path(get_web_dir()) / "build" / "client" / "assets"
    found = [path for name in _SHEETS for path in sorted(folder.glob(name))]
    return tuple(f"/assets/{path.name}" for path in found) or ("/app.css",)
