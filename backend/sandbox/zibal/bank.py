"""The pages a payer sees: a bank-like page, and plain ones for everything that cannot be paid. No script, no asset."""

from html import escape
from typing import Final

from backend.i18n import format as fmt
from backend.sandbox.zibal import codes
from backend.sandbox.zibal.sessions import GatewaySession, Merchant

HEADERS: Final = {
    "cache-control": "no-store",
    # No form-action: Chromium would apply it to the redirect back to the shop as well.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_STYLE = """
:root{color-scheme:light}*{box-sizing:border-box}
body{margin:0;background:#eef2f6;color:#1b2733;font:16px/1.9 Vazirmatn,"Noto Naskh Arabic",Tahoma,sans-serif}
main{max-width:30rem;margin:0 auto;padding:1rem}
header{background:#0b3d66;color:#fff;padding:.75rem 1rem;text-align:center}header b{font-size:1.1rem}
header small{display:block;opacity:.85}
.card{background:#fff;border:1px solid #d5dde5;border-radius:.75rem;padding:1rem;margin-block:1rem}
h1{font-size:1.15rem;margin:0 0 .5rem}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:0}dt{color:#52616f}
dd{margin:0;overflow-wrap:anywhere;text-align:end}
bdi{unicode-bidi:isolate}.note{background:#fff7e0;border-color:#e6c65c}
button,a.button{display:block;width:100%;min-height:2.75rem;padding:.5rem 1rem;margin-block-start:.5rem;
border:1px solid #9aa8b5;border-radius:.5rem;background:#fff;color:#1b2733;font:inherit;text-align:center;
text-decoration:none;cursor:pointer}
button.pay{background:#0a7a3d;border-color:#0a7a3d;color:#fff;font-weight:700}
button:focus-visible,a:focus-visible{outline:3px solid #ffb400;outline-offset:2px}
fieldset{border:0;padding:0;margin:0}legend{color:#52616f;padding:0}
"""


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="fa" dir="rtl"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        "<header><b>درگاه پرداخت اینترنتی</b><small>شبیه‌ساز زیبال، فقط برای آزمایش</small></header>"
        f"<main>{body}</main></body></html>"
    )


def _details(session: GatewaySession, merchant: Merchant) -> str:
    rows = {
        "پذیرنده": escape(merchant.name),
        "مبلغ": fmt.rial(session.amount, "fa"),
        "معادل": fmt.toman(session.amount, "fa"),
        "شناسهٔ پیگیری": f"<bdi>{session.track_id}</bdi>",
    }
    if session.description:
        rows["شرح"] = escape(session.description)
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows.items()) + "</dl>"


def payment_page(session: GatewaySession, merchant: Merchant) -> str:
    """Pay, fail in each possible way, or cancel."""
    failures = "".join(
        f'<button name="outcome" value="{status}">{escape(text)}</button>'
        for status, text in codes.FAILURES.items()
    )
    warning = (
        "هیچ پولی جابه‌جا نمی‌شود."
        if merchant.is_sandbox
        else "این پذیرنده آزمایشی نیست؛ شبیه‌ساز پولی جابه‌جا نمی‌کند."
    )
    return _page(
        "پرداخت",
        f'<section class="card"><h1>اطلاعات پرداخت</h1>{_details(session, merchant)}</section>'
        f'<section class="card note">{warning}</section>'
        '<form method="post" class="card">'
        '<button class="pay" name="outcome" value="pay">پرداخت</button>'
        '<button name="outcome" value="cancel">انصراف</button>'
        f"<fieldset><legend>پرداخت ناموفق به این دلیل:</legend>{failures}</fieldset></form>",
    )


def message_page(title: str, sentences: list[str], *, back: str = "") -> str:
    """A title, some sentences, and a way back to the shop where there is one."""
    link = f'<a class="button" href="{escape(back)}">بازگشت به سایت پذیرنده</a>' if back else ""
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return _page(title, f'<section class="card"><h1>{escape(title)}</h1>{text}{link}</section>')


def foreign_page() -> str:
    """The navigation did not come from a page of the shop."""
    return message_page(
        "انتقال به درگاه ممکن نشد",
        [
            "این پرداخت باید از سایت پذیرنده آغاز شود، اما مرورگر شما نشانی آن سایت را نفرستاد.",
            "به سایت پذیرنده برگردید و دکمهٔ پرداخت را دوباره بزنید.",
            "اگر از درون یک پیام‌رسان آمده‌اید، صفحه را در مرورگر باز کنید.",
        ],
    )


def unknown_page() -> str:
    """No such session."""
    return message_page(
        "پرداختی با این شناسه پیدا نشد",
        ["نشانی را بررسی کنید یا پرداخت را از سایت پذیرنده دوباره آغاز کنید."],
    )


def finished_page(session: GatewaySession, back: str) -> str:
    """The session has had its outcome."""
    return message_page(
        "این پرداخت پیش‌تر انجام یا بسته شده است", [f"وضعیت: {codes.status_text(session.status)}"], back=back
    )


def expired_page(back: str) -> str:
    """The session was open for too long."""
    return message_page("زمان این پرداخت به پایان رسیده است", ["پولی از حساب شما کم نشده است."], back=back)


def stranded_page() -> str:
    """The payer stays at the bank: the shop will not hear of it from the browser."""
    return message_page(
        "ارتباط با سایت پذیرنده برقرار نشد", ["نتیجهٔ پرداخت ثبت شد. می‌توانید این صفحه را ببندید."]
    )


def broken_page() -> str:
    """The page with which a sick gateway answers instead of JSON."""
    return message_page("خطای موقت", ["سرویس در حال حاضر در دسترس نیست."])
