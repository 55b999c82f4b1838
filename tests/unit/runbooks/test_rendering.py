"""A runbook's Markdown becomes HTML that can be shown as it is, whatever stands in it."""

import re

import pytest

from runbooks.rendering import to_html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<!-- x --><iframe src=//evil.example></iframe>",
        "[x](javascript:alert(1))",
        "[x](https://evil.example)",
        "[x](//evil.example)",
        "<https://evil.example>",
        "![x](https://evil.example/x.png)",
        "![x](data:image/svg+xml;base64,AAAA)",
        '[x](/billing "onclick=alert(1)" onclick=alert(1))',
        "`</code><script>alert(1)</script>`",
        "```\n</code></pre><script>alert(1)</script>\n```",
        "```html onload=alert(1)\n<b>\n```",
        "    <script>alert(1)</script>",
    ],
)
def test_no_markup_of_the_text_and_no_foreign_address_comes_through(hostile: str) -> None:
    html = to_html(hostile)

    assert set(re.findall(r"<(\w+)", html)) <= {"p", "pre", "code"}
    assert set(re.findall(r'(\w+)="', re.sub(r"&\w+;.*", "", html))) <= {"dir"}


def test_a_page_has_headings_lists_links_and_code_that_reads_from_left_to_right() -> None:
    html = to_html("## معنا\n\n1. [/billing](/billing): `up == 0`\n\n```promql\nup < 1\n```\n")

    assert "<h2>معنا</h2>" in html
    assert '<li><a href="/billing">/billing</a>: <code dir="ltr">up == 0</code></li>' in html
    assert '<pre dir="ltr"><code>up &lt; 1\n</code></pre>' in html
