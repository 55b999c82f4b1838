"""The browser's own script, run by Node on a page that holds just what it looks for."""

import json
import subprocess
from pathlib import Path
from typing import cast

import pytest
from reflex.state import LAST_RELOADED_KEY

from backend.i18n.catalog import Lang, text
from backend.sandbox import tools
from portal.i18n import BOOT
from portal.stale_build import RELOAD_WHEN_SCRIPTS_ARE_GONE

SCRIPT = Path(__file__).parents[3] / "assets" / "portal.js"
PAGE = """
const told = [], listeners = {}, timers = [], looks = [], found = %(found)s;
const element = (name) => ({ click: () => told.push("click " + name), dataset: {}, hidden: false });
globalThis.Element = class {};
globalThis.MutationObserver = class { constructor(look) { looks.push(look); } observe() {} };
globalThis.setInterval = (work) => timers.push(work);
globalThis.fetch = () => new Promise(() => told.push("fetch"));
globalThis.location = { pathname: "/page", search: "", reload: () => told.push("reload") };
const listen = (kind, work) => { (listeners[kind] ??= []).push(work); };
globalThis.window = globalThis;
globalThis.addEventListener = listen;
globalThis.document = {
  documentElement: Object.assign(element("page"), { classList: { contains: () => false, remove() {} } }),
  fonts: { load: () => Promise.resolve() },
  addEventListener: listen,
  querySelector: (which) => (found[which] ?? []).map(element)[0] ?? null,
  querySelectorAll: (which) => (found[which] ?? []).map(element),
};
require(%(script)s);
%(then)s
console.log(JSON.stringify({ told, hidden: document.documentElement.hidden }));
"""


def run(then: str, **found: list[str]) -> dict[str, object]:
    """What the script did on a page with these elements after something happened."""
    there = {f"[data-{name}]": names for name, names in found.items()}
    page = PAGE % {"found": json.dumps(there), "script": json.dumps(str(SCRIPT)), "then": then}
    answer = subprocess.run(
        [tools.node(), "-e", page], capture_output=True, text=True, check=True, timeout=60
    )
    seen: dict[str, object] = json.loads(answer.stdout)
    return seen


def test_everything_that_waits_is_tried_again() -> None:
    seen = run("timers.forEach((work) => work());", retry=["figures", "days", "frame"])

    assert seen["told"] == ["click figures", "click days", "click frame"]


def test_a_page_out_of_the_browsers_memory_is_hidden_and_loaded_again() -> None:
    seen = run("listeners.pageshow.forEach((work) => work({ persisted: true }));")

    assert seen == {"told": ["reload"], "hidden": True}


def test_a_page_that_was_just_loaded_stays() -> None:
    seen = run("listeners.pageshow.forEach((work) => work({ persisted: false }));")

    assert seen == {"told": [], "hidden": False}


CLICKED = """
const clicked = (detail, acts) => listeners.click[0]({
  detail,
  target: Object.assign(new Element(), { closest: () => acts }),
  preventDefault: () => told.push(`not done: click ${detail}`),
  stopImmediatePropagation: () => told.push(`not told: click ${detail}`),
});
clicked(1, {}); clicked(2, {}); clicked(2, null);
"""


def test_the_second_click_of_two_acts_no_second_time() -> None:
    assert run(CLICKED)["told"] == ["not done: click 2", "not told: click 2"]


TYPES = """
globalThis.Event = class { constructor(type) { this.type = type; } };
const kept = {};
globalThis.sessionStorage = {
  getItem: (name) => kept[name] ?? null,
  setItem: (name, value) => { kept[name] = value; },
  removeItem: (name) => { delete kept[name]; },
};
class Box extends Element {
  constructor(id, words) { super(); Object.assign(this, { id, words }); }
  get value() { return this.words; }
  set value(words) { this.words = words; }
  matches() { return this.id !== "secret"; }
  closest() { return this.id === "in-dialog" ? this : null; }
  dispatchEvent(event) { told.push(`${event.type} ${this.id} ${this.words}`); }
}
const type = (id, words) => listeners.input.forEach((work) => work({ target: new Box(id, words) }));
document.getElementById = (id) => new Box(id, "");
const make_anew = () => looks[0]();
const take_away = () => { document.getElementById = () => null; looks[0](); };
"""
DAY_S = 86_400


def test_what_was_typed_is_put_back_into_a_box_that_is_made_anew() -> None:
    seen = run(f"{TYPES} type('reason', 'the gateway is away'); make_anew();")

    assert seen["told"] == ["input reason the gateway is away"]


@pytest.mark.parametrize("box", ["secret", "in-dialog"])
def test_secrets_and_dialogs_are_not_kept(box: str) -> None:
    seen = run(f"{TYPES} type('{box}', 'words'); make_anew(); told.push(Object.keys(kept).length);")

    assert seen["told"] == [0]


@pytest.mark.parametrize(
    "then",
    [
        "listeners.submit.forEach((work) => work({ target: { dataset: {}, matches: () => false } }));",
        "location.search = '?another=page';",
        "type('reason', '');",
    ],
)
def test_what_was_sent_left_or_deleted_does_not_come_back(then: str) -> None:
    seen = run(f"{TYPES} type('reason', 'words'); {then} make_anew();")

    assert seen["told"] == []


def test_a_page_with_typed_words_is_not_loaded_again_without_a_click() -> None:
    """Reflex loads it by itself unless it did so within some seconds."""
    mark = f"kept[{json.dumps(LAST_RELOADED_KEY)}] ?? 0"
    seen = run(f"""{TYPES} type('reason', 'words'); told.push(({mark}) - Date.now());
        take_away(); told.push({mark});""")

    [ahead_ms, after] = cast("list[int]", seen["told"])
    assert ahead_ms > DAY_S * 1_000 / 2
    # A page that broke shows none of them, and may be loaded again: they are put back then.
    assert after == 0


BOOTED = """
globalThis.window = { matchMedia: () => ({ matches: %(is_dark)s }) };
globalThis.setTimeout = () => {};
globalThis.document = {
  cookie: %(cookie)s, documentElement: { dataset: {}, classList: { add: () => {}, remove: () => {} } },
};
%(script)s
console.log(Object.values(document.documentElement.dataset).sort().join(" "));
"""


@pytest.mark.parametrize(
    ("cookie", "is_dark", "expected"),
    [
        pytest.param("", True, "dark", id="a dark system"),
        pytest.param("", False, "light", id="a light system"),
        pytest.param("lang=en; theme=system", True, "dark", id="the system was chosen"),
        pytest.param("theme=nonsense", True, "dark", id="an unknown choice"),
        pytest.param("theme=light; lang=en", True, "light", id="light on a dark system"),
        pytest.param("theme=dark", False, "dark", id="dark on a light system"),
        pytest.param("environment=development", False, "development light", id="no production"),
        pytest.param("environment=nonsense", False, "light", id="an unknown environment"),
    ],
)
def test_the_first_paint_has_the_theme_of_the_visitor_or_the_system_and_says_what_is_no_production(
    cookie: str, *, is_dark: bool, expected: str
) -> None:
    script = BOOTED % {"is_dark": json.dumps(is_dark), "cookie": json.dumps(cookie), "script": BOOT}

    answer = subprocess.run(
        [tools.node(), "-e", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert answer.stdout.strip() == expected


GONE = """
const told = [];
globalThis.window = globalThis;
globalThis.HTMLScriptElement = class { type = "module" };
const listeners = {};
globalThis.addEventListener = (kind, work) => { listeners[kind] = work; };
globalThis.sessionStorage = { getItem: () => String(%(reloaded_at)s), setItem: () => told.push("noted") };
globalThis.document = {
  documentElement: { lang: %(lang)s },
  createElement: () => ({ setAttribute() {} }),
  body: { prepend: (note) => told.push(note.textContent) },
};
globalThis.location = { reload: () => told.push("reload") };
globalThis.fetch = () => Promise.resolve({ ok: true });
globalThis.setTimeout = (work) => work();
%(script)s
%(happens)s;
setImmediate(() => console.log(JSON.stringify(told)));
"""
SCRIPT_FAILS = "listeners.error({ target: new HTMLScriptElement() })"
IMPORT_FAILS = "listeners.unhandledrejection({ reason: new TypeError('%s') })"


def what_a_page_does(happens: str, lang: str = "en", reloaded_at: str = "0") -> list[str]:
    places = {"happens": happens, "lang": json.dumps(lang), "reloaded_at": reloaded_at}
    script = GONE % {**places, "script": RELOAD_WHEN_SCRIPTS_ARE_GONE}
    answer = subprocess.run(
        [tools.node(), "-e", script], capture_output=True, text=True, check=True, timeout=60
    )
    told: list[str] = json.loads(answer.stdout)
    return told


@pytest.mark.parametrize(
    "happens",
    [
        pytest.param(SCRIPT_FAILS, id="the first script"),
        pytest.param(IMPORT_FAILS % "Failed to fetch dynamically imported module: x", id="Chromium"),
        pytest.param(IMPORT_FAILS % "error loading dynamically imported module: x", id="Firefox"),
        pytest.param(IMPORT_FAILS % "Importing a module script failed.", id="Safari"),
    ],
)
def test_a_page_whose_scripts_are_gone_loads_itself_again(happens: str) -> None:
    assert what_a_page_does(f"{happens}; {happens}") == ["noted", "reload"]


@pytest.mark.parametrize("lang", ["fa", "en"])
def test_a_page_that_was_loaded_again_in_vain_says_what_goes_on(lang: Lang) -> None:
    told = what_a_page_does(SCRIPT_FAILS, lang, "Date.now()")

    assert told == [text("state.scripts_gone", lang), "noted", "reload"]


def test_a_rejection_of_another_kind_loads_nothing_again() -> None:
    assert what_a_page_does(IMPORT_FAILS % "undefined is not a function") == []


def test_a_question_that_nobody_answered_is_set_right_by_any_of_its_answers() -> None:
    seen = run(
        """
        document.getElementById = () => null;
        const answer = (name) => ({
          type: "radio", name: "figure", id: name, dataset: { missing: "choose one" }, validity: {},
          setCustomValidity: (words) => told.push(`${name}: ${words}`),
        });
        const least = answer("least"), most = answer("most");
        least.form = most.form = { elements: [least, most, { type: "text", name: "figure" }] };
        listeners.invalid.forEach((tell) => tell({ target: least, preventDefault() {} }));
        told.length = 0;
        listeners.input.forEach((typed) => typed({ target: most }));
        """
    )

    assert {*cast("list[str]", seen["told"])} == {"least: ", "most: "}
