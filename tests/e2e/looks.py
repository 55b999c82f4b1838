"""What must be true of every picture that is kept: it fits, and it speaks one language."""

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Visit

# Names of models and addresses of processes are the same in every language; so is the other language's own name.
LATIN_IN_PERSIAN = re.compile(
    r"English|gpt-[\w.-]+|text-embedding[\w.-]+|Prometheus|docuchat-\d\S*|canary\S*|[\w.+-]+@[\w.-]+|\d+\.\d+\.\d+\.\d+\S*"
    r"|Chrome|Chromium|Linux|Mozilla|HeadlessChrome"
)
PERSIAN_DIGITS = re.compile(r"[۰-۹]")


def keep(now: Visit, name: str) -> None:
    """Keep the picture: nothing has jumped, and the page speaks one language, with its calendar and digits.

    Numbers that one reads out to a bank are the same in both languages, and held together from left to right.
    """
    now.expect_stillness()
    now.screenshot(name)
    # The stack is no production, and every page says so.
    expect(now.page.get_by_text(now.t("state.development"))).to_be_visible()
    main = now.page.locator("main")
    # A company's label may also stand in its mail address.
    text = re.sub(r"[\w.+-]+@[\w.-]+", "", main.inner_text())
    for code in main.locator("bdi.code-number[dir=ltr]").all_inner_texts():
        assert not PERSIAN_DIGITS.search(code)
        text = text.replace(code, "", 1)
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
