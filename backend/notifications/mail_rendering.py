"""Mail rendering: the text and the HTML of each mail template, in the reader's language.

Every sentence comes from the catalogues, every number and date from the formats; the templates hold layout only.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape

from backend import mail_address
from backend.i18n import format as formats
from backend.i18n.catalog import Lang, has, text
from backend.notifications.rules import fingerprint, message_id
from backend.notifications.types import Mail, QueuedMail, Template

SUBJECT_MAX_LENGTH = 200


class CompositionError(Exception):
    """A mail cannot be rendered from its parameters or sent to its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMail:
    """A mail as its reader sees it."""

    subject: str
    text: str
    html: str


def compose(queued: QueuedMail, *, public_url: str, mail_from: str) -> EmailMessage:
    """The finished message. Composing the same mail again gives the same bytes, so duplicates are equal.

    Raises:
        CompositionError: a parameter is missing or wrong, the template is unknown, or the address is no address.
    """
    try:
        rendered = render(queued.mail, public_url)
        return _message(queued, rendered, mail_from)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, TemplateError) as wrong:
        raise CompositionError(f"{type(wrong).__name__}: {wrong}") from wrong


def render(mail: Mail, public_url: str) -> RenderedMail:
    """Render a mail. Raises KeyError or ValueError where ``compose`` raises CompositionError."""
    template, lang = Template(mail.template), mail.language
    say = partial(_sentence, template, lang)
    places = _PLACES[template](mail.params, lang, public_url)
    context = {
        **places,
        "places": places,
        "lang": lang,
        "direction": "rtl" if lang == "fa" else "ltr",
        "say": say,
        "footer": _footer(template, lang),
    }
    return RenderedMail(
        subject=_one_line(say("subject", **places)),
        text=_environment().get_template(f"{template}.txt.j2").render(context),
        html=_environment().get_template(f"{template}.html.j2").render(context),
    )


def _footer(template: Template, lang: Lang) -> str:
    """The reason for which its reader got the mail. That of bills is no word to a colleague."""
    own = f"mail.{template}.footer"
    return text(own if has(own) else "mail.footer", lang)


def _invoice_issued(params: Mapping[str, str | int], lang: Lang, public_url: str) -> dict[str, str]:
    return {
        "tenant_name": _one_line(str(params["tenant_name"])),
        "number": formats.identifier(_one_line(str(params["number"])), lang),
        "day": formats.day(date.fromisoformat(str(params["day"])), lang),
        "tokens": formats.number(int(params["tokens"]), lang),
        "amount": formats.toman(int(params["amount_rial"]), lang),
        # Our own page: the gateway refuses a payer who comes straight from a mail.
        "link": f"{public_url}/invoices/{quote(str(params['invoice_id']), safe='')}",
    }


def _payment(params: Mapping[str, str | int], lang: Lang, public_url: str) -> dict[str, str]:
    return {
        "tenant_name": _one_line(str(params["tenant_name"])),
        "numbers": formats.listed(_identifiers(str(params["numbers"]), lang), lang),
        "amount": formats.toman(int(params["amount_rial"]), lang),
        "at": formats.moment(datetime.fromisoformat(str(params["at"])), lang),
        # Numbers that are told to a bank stay in its own digits.
        "track_id": _one_line(str(params["track_id"])),
        "reference": _one_line(str(params["reference"])),
        "card": _one_line(str(params["card"])),
        "link": f"{public_url}/invoices/{quote(str(params['invoice_id']), safe='')}".rstrip("/"),
    }


def _payment_received(params: Mapping[str, str | int], lang: Lang, public_url: str) -> dict[str, str]:
    return _payment(params, lang, public_url) | {
        "credit": _toman_if_any(params["credit_rial"], lang),
        # Mails that were queued by an earlier version do not have these two.
        "debt": _toman_if_any(params.get("debt_rial", 0), lang),
        "outstanding": _toman_if_any(params.get("outstanding_rial", 0), lang),
    }


def _payment_returned(params: Mapping[str, str | int], lang: Lang, public_url: str) -> dict[str, str]:
    return _payment(params, lang, public_url) | {
        "reopened": _toman_if_any(params["reopened_rial"], lang),
        "credit": _toman_if_any(params["credit_rial"], lang),
        "debt": _toman_if_any(params["debt_rial"], lang),
        "returning": "yes" if int(params["is_returning"]) else "",
    }


def _run_waiting(params: Mapping[str, str | int], lang: Lang, public_url: str) -> dict[str, str]:
    return {
        "action": _one_line(str(params["action"])),
        # A mail that was queued by an earlier version does not have it. Not cut: an approver decides by it.
        "targets": _visible(str(params.get("targets", ""))),
        "who": formats.code(_one_line(str(params["who"])), lang),
        "until": formats.moment(datetime.fromisoformat(str(params["until"])), lang),
        # No link approves anything: it leads to the run's page, behind the sign-in.
        "link": f"{public_url}/runs/{quote(str(params['run_id']), safe='')}",
    }


def _toman_if_any(amount_rial: str | int, lang: Lang) -> str:
    return formats.toman(int(amount_rial), lang) if int(amount_rial) else ""


_PLACES: Mapping[Template, Callable[[Mapping[str, str | int], Lang, str], dict[str, str]]] = {
    Template.INVOICE_ISSUED: _invoice_issued,
    Template.PAYMENT_RECEIVED: _payment_received,
    Template.PAYMENT_RETURNED: _payment_returned,
    Template.RUN_WAITING: _run_waiting,
}


def _message(queued: QueuedMail, rendered: RenderedMail, mail_from: str) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = rendered.subject
    message["From"] = mail_address.sender(mail_from).header
    message["To"] = mail_address.checked(queued.mail.recipient)
    message["Date"] = format_datetime(queued.created_at)
    message["Message-ID"] = message_id(queued.mail.key, mail_from)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(rendered.text, cte="base64")
    message.add_alternative(rendered.html, subtype="html", cte="base64")
    # Setting the content removes every content header that was there before.
    message["Content-Language"] = queued.mail.language
    message.set_boundary(f"=_{fingerprint(queued.mail.key)}")
    return message


def _sentence(template: Template, lang: Lang, name: str, **places: str) -> str:
    return text(f"mail.{template}.{name}", lang, **places)


def _one_line(value: str) -> str:
    """Text for a header or a sentence, cut where it is long."""
    return _visible(value)[:SUBJECT_MAX_LENGTH]


def _visible(value: str) -> str:
    """Text of one line: an outsider's line breaks and control characters become spaces."""
    visible = "".join(
        " " if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} else char for char in value
    )
    return " ".join(visible.split())


def _identifiers(listed: str, lang: Lang) -> list[str]:
    """Each of the numbers between commas. However many there are: a receipt that tears one off proves nothing."""
    return [formats.identifier(_one_line(each), lang) for each in listed.split(",") if each.strip()]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
