"""Both languages in the bundle: a sentence changes with the page's language, without asking the server.

The boot script sets ``lang`` and ``dir`` of the page from a cookie before anything is painted. The prerendered
page is Persian; React swaps the sentences while it takes the page over, and until then another language's page is
hidden: assets/portal.js shows it when the swap is done, and a page whose scripts failed shows itself after a while.
"""

from typing import Any, cast

import reflex as rx
from reflex_base.utils.imports import ImportVar
from reflex_base.vars import VarData

from backend.i18n.catalog import Lang, as_language, sentences, text
from portal.session import cookies_in

LANGUAGE_COOKIE = "lang"
THEME_COOKIE = "theme"
ENVIRONMENT_COOKIE = "environment"
DEVELOPMENT = "development"
SANDBOX_COOKIE = "play"

# A store that never changes: another language is a full page load, so that no two languages mix on one page.
_HOOK = (
    "const isPersian = useSyncExternalStore("
    "() => () => {}, () => document.documentElement.lang !== 'en', () => true)"
)

IS_PERSIAN: rx.vars.BooleanVar = rx.Var(
    "isPersian",
    _var_type=bool,
    _var_data=VarData(imports={"react": [ImportVar("useSyncExternalStore")]}, hooks={_HOOK: None}),
).to(bool)

_SHOWN_AFTER_MS = 6000

BOOT = """
(function () {
  var read = function (name) {
    var found = document.cookie.match('(?:^|; )' + name + '=([a-z]+)');
    return found ? found[1] : '';
  };
  var root = document.documentElement;
  if (read('lang') === 'en') {
    root.lang = 'en';
    root.dir = 'ltr';
    root.classList.add('translating');
    setTimeout(function () { root.classList.remove('translating'); }, SHOWN_AFTER_MS);
  }
  if (read('environment') === 'development') {
    root.dataset.environment = 'development';
  }
  root.classList.add('unlettered');
  var theme = read('theme');
  if (theme !== 'dark' && theme !== 'light') {
    theme = window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  }
  root.dataset.theme = theme;
  if (read('SANDBOX_COOKIE')) { root.dataset.play = 'yes'; }
})();
""".replace("SHOWN_AFTER_MS", str(_SHOWN_AFTER_MS)).replace("SANDBOX_COOKIE", SANDBOX_COOKIE)


def t(key: str, **places: object) -> rx.Var[str]:
    """The sentence of a key in the page's language. A place may be filled by a Var."""
    persian, english = (sentences(lang)[key].format(**places) for lang in ("fa", "en"))
    return cast("rx.Var[str]", by_language(persian, english))


def by_language(persian: Any, english: Any) -> Any:
    """Choose between two values by the page's language."""
    return rx.cond(IS_PERSIAN, persian, english)


def language_mark() -> rx.Component:
    """Says in the page which language its sentences are in now."""
    return rx.el.span(hidden=True, custom_attrs={"data-spoken": by_language("fa", "en")})


def script_needed() -> rx.Component:
    """For a browser without scripts, in both languages: only a script can choose one."""
    languages: dict[Lang, str] = {"fa": "rtl", "en": "ltr"}
    said = (
        rx.el.p(text("page.no_script.needed", lang), lang=lang, dir=direction, class_name="note warn")
        for lang, direction in languages.items()
    )
    return rx.el.noscript(*said)


def language(state: rx.State) -> Lang:
    """The language in which this state's page is shown; the server must format for the same language."""
    return language_in(state.router.headers.cookie)


def language_in(cookie_header: str) -> Lang:
    """The language that a request's cookie asks for, else Persian."""
    return as_language(cookies_in(cookie_header).get(LANGUAGE_COOKIE))
