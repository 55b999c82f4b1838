"""What must be true of every picture that is kept: it fits, and it speaks one language."""

import re
from functools import cache
from typing import Any

from playwright.sync_api import expect

from backend.sandbox import tools
from portal.place import PAGE_SIZE
from tests.e2e.conftest import Visit

# Names of models and addresses of processes are the same in every language; so is the other language's own name.
LATIN_IN_PERSIAN = re.compile(
    r"English|gpt-[\w.-]+|text-embedding[\w.-]+|Prometheus|Helm|KUBECONFIG|Alertmanager|PostgreSQL|Kubernetes|Deployment|StatefulSet|DaemonSet|GPU|OpenAI|Redis|Watchdog|jobs|docuchat[\w-]*|canary\S*|[\w.+-]+@[\w.-]+|\d+\.\d+\.\d+\.\d+\S*"
    r"|Chrome|Chromium|Linux|Mozilla|HeadlessChrome"
)
# What cannot be seen whole: it sticks out of the window, or its words do out of it.
CUT = """() => [...document.querySelectorAll('main *, header *')].filter(each => {
  const box = each.getBoundingClientRect(), style = getComputedStyle(each);
  if (!box.width || style.visibility === 'hidden' || each.closest('.visually-hidden, figure, thead')) return false;
  return box.left < -1 || box.right > innerWidth + 1
    || (style.display !== 'inline' && each.clientWidth && each.scrollWidth > each.clientWidth + 1);
}).map(each => `${each.tagName}.${each.className}: ${each.textContent.slice(0, 60)}`)"""
# All words, and those of the cluster, in one moment: a live page changes.
# Names of alerts, of the cluster and of machines run from left to right and are choices, what somebody types into a
# terminal is code, a log is not ours at all, a reason is in the words of the person who gave it, and a passage in those
# of its page.
WORDS = """main => {
  const foreign = 'bdi.names[dir=ltr], bdi.code-number[dir=ltr], span.ltr, a.ltr, code, pre, select, ' +
    '.log-lines, .given, .passage';
  const aside = document.head.appendChild(document.createElement('style'));
  aside.textContent = `:is(${foreign}) { display: none !important; }`;
  const words = main.innerText;
  aside.remove();
  return words;
}"""
# What is drawn in another order than that in which it is read aloud and reached by the Tab key.
OUT_OF_ORDER = """() => [...document.querySelectorAll('main, main *')].filter(each => {
  const style = getComputedStyle(each);
  return style.order !== '0' || style.flexDirection.includes('reverse') || style.flexWrap.includes('reverse');
}).map(each => each.outerHTML.slice(0, 80))"""
# Lines that are not opened, without the one that names the columns.
LINES = """() => [...document.querySelectorAll(
  'main .table tbody tr:not(.group-head, :first-child, .group-head:first-child + tr)'
)].filter(line => line.offsetHeight && !line.querySelector('.stays, [aria-expanded=true]'))
.map(line => line.offsetHeight)"""
# Three lines of text, where a name is long.
HIGHEST_LINE = 64
# Words of somebody else within a sentence: they are isolated, so that neither turns the other round.
ISOLATED = re.compile("[\u2066-\u2068][^\u2066-\u2069]*\u2069")
PERSIAN_DIGITS = re.compile(r"[۰-۹]")
# What keeps people out, in daylight and in the dark, where nothing but colours differs.
AXE = """async () => {
  const html = document.documentElement, before = html.dataset.theme;
  const still = document.head.appendChild(document.createElement('style'));
  still.textContent = '*, *::before, *::after { transition: none !important; animation: none !important; }';
  const found = [];
  for (const [theme, rules] of [['light', null], ['dark', ['color-contrast']]]) {
    html.dataset.theme = theme;
    const options = {resultTypes: ['violations'], ...(rules && {runOnly: rules})};
    const {violations} = await axe.run(document, options);
    found.push(...violations.filter(each => ['serious', 'critical'].includes(each.impact)).map(each => [
      theme, each.id, each.nodes.slice(0, 3).map(node => `${node.html.slice(0, 160)} ${node.failureSummary}`),
    ]));
  }
  still.remove();
  if (before) html.dataset.theme = before; else delete html.dataset.theme;
  return found;
}"""


def keep(now: Visit, name: str) -> None:
    """Keep the picture: nothing has jumped, and the page speaks one language, with its calendar and digits.

    Numbers that one reads out to a bank are the same in both languages, and held together from left to right.
    """
    now.expect_stillness()
    now.screenshot(name)
    assert now.page.evaluate(OUT_OF_ORDER) == []
    if now.width == "phone":
        fits_a_phone(now, name)
    else:
        keeps_nobody_out(now, name)
    # The stack is no production, and every page says so.
    expect(now.page.get_by_text(now.t("state.development"))).to_be_visible()
    main = now.page.locator("main")
    # A company's label may also stand in its mail address.
    text = re.sub(r"[\w.+-]+@[\w.-]+", "", main.evaluate(WORDS))
    for code in main.locator("bdi.code-number[dir=ltr]").all_inner_texts():
        assert not PERSIAN_DIGITS.search(code)
    while ISOLATED.search(text):
        text = ISOLATED.sub("", text)
    if now.lang == "fa":
        plain = LATIN_IN_PERSIAN.sub("", text)
        foreign = re.findall(r"[A-Za-z]{2,}|[0-9]{2,}", plain)
        assert foreign == [], f"{name} says in Persian: {foreign}"
        assert now.page.locator("html").get_attribute("dir") == "rtl"
    else:
        # An address that a company gave in Persian stays as it was given.
        ours = [line for line in text.splitlines() if not re.search(r"[آ-ی]", line)]
        assert PERSIAN_DIGITS.findall("\n".join(ours)) == []
        assert now.page.locator("html").get_attribute("dir") == "ltr"


def fits_a_phone(now: Visit, name: str) -> None:
    """Nothing is cut, and each row of a table is one line that opens."""
    cut = now.page.evaluate(CUT)
    assert cut == [], f"{name} cuts {cut}"
    heights = now.page.evaluate(LINES)
    assert [height for height in heights if height > HIGHEST_LINE] == [], name
    openers = "line => !line.querySelector('[data-opener]')"
    lines = now.page.locator("main .table tbody tr:not(.group-head)")
    assert lines.evaluate_all(f"lines => lines.filter({openers}).length") == 0, name


@cache
def _axe_core() -> str:
    return tools.axe_core().read_text()


def keeps_nobody_out(now: Visit, name: str) -> None:
    """Whoever sees little, or nothing and is read to, finds the way: axe has nothing serious to say."""
    if not now.page.evaluate("'axe' in window"):
        now.page.evaluate(_axe_core())
    found: list[Any] = now.page.evaluate(AXE)
    assert found == [], f"{name}: {found}"


def height_with_all_rows(now: Visit) -> int:
    """How high a page with one list is when its last line stands there as often as a whole page has lines."""
    height: int = now.page.locator("#list tbody tr:not(.group-head)").evaluate_all(
        """(lines, size) => {
          const more = Array.from({length: size - lines.length}, () => lines.at(-1).cloneNode(true));
          lines.at(-1).after(...more);
          const height = document.documentElement.scrollHeight;
          more.forEach(line => line.remove());
          return height;
        }""",
        PAGE_SIZE,
    )
    return height
