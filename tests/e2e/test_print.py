"""An invoice on paper, by the pages, the words and the pixels of the browser's own PDF."""

import re

import pypdfium2

from backend.i18n import format as shown
from backend.i18n.catalog import Lang
from backend.sandbox.signins import SignIn
from backend.sandbox.site import environment
from backend.sandbox.stack import Stack
from tests.e2e.conftest import SCREENS, Visit, Visitor
from tests.e2e.paying import AMOUNT_RIAL, change, enter, new_invoice, number_of
from tests.e2e.test_screens import newest_invoice

PAPERS = ("A4", "Letter")
MANY = 60
_LINES = """
INSERT INTO invoice_line (invoice_id, model, type, tokens, rial_per_1000_tokens, amount_rial)
SELECT %s, 'model-' || lpad(n::text, 3, '0'), 'prompt', 1000, 205.5, 905 FROM generate_series(1, %s) AS n
"""


class Sheets:
    """What the browser would put on paper."""

    def __init__(self, now: Visit, paper: str, name: str) -> None:
        SCREENS.mkdir(parents=True, exist_ok=True)
        path = SCREENS / f"{name}-{paper}-{now.lang}.pdf"
        now.page.pdf(path=path, format=paper, print_background=True)
        self.document = pypdfium2.PdfDocument(path)
        self.texts = [page.get_textpage().get_text_bounded() for page in self.document]

    def __len__(self) -> int:
        return len(self.document)

    def has(self, words: str, page: int = 0) -> bool:
        """Whether a page shows some words; Persian ones are stored in the order of their shapes."""
        return characters(words) <= characters(self.texts[page])

    def ink_beyond(self, page: int, margin_mm: float) -> bool:
        """Whether something is printed nearer to an edge than a printer reaches."""
        scale = 1.0
        bitmap = self.document[page].render(scale=scale, grayscale=True)
        rows = [bytes(bitmap.buffer)[y * bitmap.stride :][: bitmap.width] for y in range(bitmap.height)]
        edge = int(margin_mm / 25.4 * 72 * scale)
        sides = b"".join(row[:edge] + row[-edge:] for row in rows)
        return min(sides) < 200 or min(b"".join(rows[:edge])) < 200

    def is_light(self, page: int = 0) -> bool:
        """Whether most of a page is white."""
        bitmap = self.document[page].render(scale=0.5, grayscale=True)
        return sum(byte > 240 for byte in bytes(bitmap.buffer)) > 0.8 * len(bytes(bitmap.buffer))


def characters(words: str) -> set[str]:
    """Words as sets of their letters, whatever the order that a PDF keeps them in."""
    return {"".join(sorted(word)) for word in re.split(r"\s+", re.sub(r"[^\w\s]", "", words)) if word}


def test_an_invoice_is_one_sheet_of_black_on_white(
    stack: Stack, people: dict[str, SignIn], visit: Visitor
) -> None:
    person = people["tenant_admin"]
    invoice_id = newest_invoice(stack, str(person.tenant))
    languages: tuple[Lang, ...] = ("fa", "en")
    now = enter(visit("fa"), person)
    for lang in languages:
        now.lang = lang
        for name, value in (("lang", lang), ("theme", "dark")):
            now.context.add_cookies([{"name": name, "value": value, "url": stack.web_url}])
        now.go(f"/invoices/{invoice_id}")
        for paper in PAPERS:
            sheets = Sheets(now, paper, "invoice")
            assert len(sheets) == 1
            assert sheets.is_light()
            assert not sheets.ink_beyond(0, margin_mm=8)
            for key in (
                "page.invoice.paper.seller",
                "page.invoice.paper.buyer",
                "page.invoice.economic_code",
            ):
                assert sheets.has(now.t(key)), key
            for word in (
                shown.digits(environment(stack)["SELLER_ECONOMIC_CODE"], lang),
                number_in(stack, invoice_id, lang),
            ):
                assert sheets.has(word), word
            assert not sheets.has(now.t("page.invoice.opening"))
        now.page.evaluate("history.replaceState(history.state, '', '?evidence=1')")
        with_readings = Sheets(now, "A4", "invoice-evidence")
        assert len(with_readings) > 1
        assert not with_readings.has(now.t("page.invoice.opening"), page=0)
        assert with_readings.has(now.t("page.invoice.opening"), page=1)


def number_in(stack: Stack, invoice_id: str, lang: Lang) -> str:
    return shown.digits(number_of(stack, invoice_id), lang)


def test_a_long_invoice_repeats_its_head_and_counts_its_sheets(
    stack: Stack, people: dict[str, SignIn], visit: Visitor
) -> None:
    person = people["tenant_admin"]
    invoice_id = new_invoice(stack, str(person.tenant))
    change(stack, _LINES, invoice_id, MANY)
    now = enter(visit("en"), person)
    now.go(f"/invoices/{invoice_id}")

    for sheets in [Sheets(now, paper, "invoice-long") for paper in PAPERS]:
        assert len(sheets) in {2, 3}
        for page, words in enumerate(sheets.texts):
            assert f"{page + 1} of {len(sheets)}" in words
            assert now.t("page.invoice.paper.quantity") in words
        printed = re.findall(r"model-\d{3}", "\n".join(sheets.texts))
        assert printed == [f"model-{n:03d}" for n in range(1, MANY + 1)]
        # No row is torn: whatever begins on a page also ends there.
        for words in sheets.texts:
            assert len(re.findall(r"model-\d{3}", words)) == len(re.findall(r"20\.55", words))
        assert shown.toman_bare(AMOUNT_RIAL, "en") in sheets.texts[-1]
        assert "five thousand, four hundred and thirty-two Toman" in sheets.texts[-1]


def test_a_list_prints_as_a_table_without_its_controls(people: dict[str, SignIn], visit: Visitor) -> None:
    now = enter(visit("en", "phone"), people["tenant_admin"])
    now.go("/invoices")

    words = Sheets(now, "A4", "invoices").texts[0]

    assert now.t("page.invoices.amount") in words
    for key in ("page.usage.nav", "payment.pay_selected", "pager.next", "brand.footer"):
        assert now.t(key) not in words
