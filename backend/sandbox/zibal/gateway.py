"""Requests of the gateway without HTTP: request, verify and inquiry."""

import re
import secrets
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

from backend.sandbox.zibal import codes
from backend.sandbox.zibal.sessions import GatewaySession, Memory, Merchant, iso_time

Body = dict[str, Any]
SMALLEST_AMOUNT_RIAL = 1_000
LARGEST_INTEGER = 2**63 - 1
TEST_CARD = "62741****44"
_SECOND_LEVEL = frozenset(
    {"co.ir", "ac.ir", "org.ir", "net.ir", "gov.ir", "sch.ir", "id.ir", "com.tr", "co.uk"}
)


def refusal(result: int) -> Body:
    """An answer of two keys, as the gateway gives it whenever it refuses."""
    return {"result": result, "message": codes.message(result)}


def request(memory: Memory, body: Body, address: str) -> Body:
    """Open a session, or say why not. Never idempotent: the same body twice opens two."""
    wrong = _wrong_merchant(memory, body, address) or _wrong_request(
        memory.merchants[str(body["merchant"])], body
    )
    if wrong:
        return refusal(wrong)
    session = memory.open(
        merchant=body["merchant"],
        amount=body["amount"],
        callback_url=body["callbackUrl"],
        order_id=str(body.get("orderId") or ""),
        description=str(body.get("description") or ""),
        mobile=str(body.get("mobile") or ""),
    )
    return {"trackId": session.track_id, **refusal(codes.OK)}


def verify(memory: Memory, body: Body, address: str) -> Body:
    """Accept a paid session's money. Only the first success is a 100; 201, 202 and 203 have two keys.

    A session that was verified once answers 201 for ever, also after its money went back: the documentation knows no
    other answer to a second verify. What went back before it was verified is 202, as anything that is not paid.
    """
    wrong = _wrong_merchant(memory, body, address)
    session = None if wrong else find(memory, body)
    if session is None:
        return refusal(wrong or codes.TRACK_ID_UNKNOWN)
    if session.verified_at is not None or session.status == codes.VERIFIED:
        # Somebody set a verified session to paid by hand, and "paid, not verified" would never end.
        if session.status == codes.PAID:
            memory.change(session, status=codes.VERIFIED)
        return refusal(codes.ALREADY_VERIFIED)
    if session.status == codes.PAID:
        return _common(memory.change(session, status=codes.VERIFIED, verified_at=memory.now()))
    return refusal(codes.NOT_PAID)


def inquiry(memory: Memory, body: Body, address: str) -> Body:
    """Report on a session. 100 only means that there is a report."""
    wrong = _wrong_merchant(memory, body, address)
    session = None if wrong else find(memory, body)
    if session is None:
        return refusal(wrong or codes.TRACK_ID_UNKNOWN)
    report = {
        **_common(session),
        "verifiedAt": iso_time(session.verified_at),
        "createdAt": iso_time(session.created_at),
        "wage": 0,
        "shaparakFee": 1200 if session.paid_at else None,
    }
    if session.paid_at is None and memory.behaviour.omits_unpaid_fields:
        return {name: value for name, value in report.items() if value is not None}
    return report


def find(memory: Memory, body: Body) -> GatewaySession | None:
    """The merchant's own session that the body names by a JSON integer."""
    track_id = body.get("trackId")
    if isinstance(track_id, bool) or not isinstance(track_id, int):
        return None
    try:
        session = memory.session(track_id)
    except KeyError:
        return None
    return session if session.merchant == body.get("merchant") else None


def pay(memory: Memory, session: GatewaySession) -> GatewaySession:
    """The payer's bank has taken the money; verify is due."""
    merchant = memory.merchant_of(session)
    return memory.change(
        session,
        status=codes.PAID,
        paid_at=memory.now(),
        payments=session.payments + 1,
        ref_number=None if merchant.is_sandbox else 10**11 + secrets.randbelow(9 * 10**11),
        card_number=None if merchant.is_sandbox else TEST_CARD,
    )


def callback_parameters(session: GatewaySession) -> Body:
    """Parameters that the payer's browser carries back to the shop: never signed, so never to be trusted."""
    fields: Body = {
        "trackId": str(session.track_id),
        "success": "1" if session.status in {codes.VERIFIED, codes.PAID} else "0",
        "status": str(session.status),
    }
    return fields | ({"orderId": session.order_id} if session.order_id else {})


def callback_address(session: GatewaySession, parameters: Body) -> str:
    """The shop's callback address; its own query parameters survive in front of ours."""
    parts = urlsplit(session.callback_url)
    query = "&".join(part for part in (parts.query, urlencode(parameters)) if part)
    return parts._replace(query=query).geturl()


def may_come_from(session: GatewaySession, merchant: Merchant, referer: str) -> bool:
    """Whether the payer comes from a page of the shop: same main domain as registered, or as the callback's."""
    here = urlsplit(referer).hostname or ""
    home = merchant.domain or urlsplit(session.callback_url).hostname or ""
    return bool(here) and main_domain(here) == main_domain(home)


def main_domain(host: str) -> str:
    """The part of a host name that somebody registered; an address is its own."""
    try:
        return str(ip_address(host))
    except ValueError:
        labels = host.lower().rstrip(".").split(".")
    return ".".join(labels[-3:] if ".".join(labels[-2:]) in _SECOND_LEVEL else labels[-2:])


def _wrong_merchant(memory: Memory, body: Body, address: str) -> int | None:
    code = body.get("merchant")
    if not isinstance(code, str) or not code.isascii() or not code.replace("-", "").isalnum():
        return codes.MERCHANT_INVALID
    merchant = memory.merchants.get(code)
    if merchant is None:
        return codes.MERCHANT_UNKNOWN
    if not merchant.is_active:
        return codes.MERCHANT_INACTIVE
    if merchant.allowed_addresses and address not in merchant.allowed_addresses:
        return codes.ADDRESS_NOT_ALLOWED
    return None


def _wrong_request(merchant: Merchant, body: Body) -> int | None:
    amount, fee_mode = _integer(body.get("amount")), body.get("feeMode", 0)
    checks = {
        codes.AMOUNT_TOO_SMALL: not SMALLEST_AMOUNT_RIAL < amount <= LARGEST_INTEGER,
        codes.AMOUNT_TOO_LARGE: amount > merchant.ceiling_rial,
        codes.CALLBACK_INVALID: not _is_callback(body.get("callbackUrl"), merchant),
        codes.PERCENT_MODE_INVALID: str(body.get("percentMode", 0)) not in {"0", "1"},
        codes.FEE_MODE_INVALID: not _is_integer(fee_mode),
        codes.FEE_WALLET_EMPTY: fee_mode == 1 and merchant.fee_wallet_is_empty,
        codes.NATIONAL_CODE_INVALID: not re.fullmatch(r"[0-9]{10}", str(body.get("nationalCode", "0" * 10))),
    }
    return next((code for code, is_wrong in checks.items() if is_wrong), None) or _wrong_shares(body)


def _wrong_shares(body: Body) -> int | None:
    shares = body.get("multiplexingInfos")
    if not shares:
        return None
    if not isinstance(shares, list) or not all(
        isinstance(one, dict) and _is_integer(one.get("amount")) for one in shares
    ):
        return codes.SHARE_INVALID
    if any(str(one.get("subMerchantId", "")).startswith("inactive") for one in shares):
        return codes.SHARE_INACTIVE
    if not any(one.get("id") == "self" for one in shares):
        return codes.OWN_SHARE_MISSING
    whole = 100 if body.get("percentMode") == 1 else body["amount"]
    return None if sum(one["amount"] for one in shares) == whole else codes.SHARES_DIFFER


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _integer(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _is_callback(url: object, merchant: Merchant) -> bool:
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        return False
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return bool(host) and (not merchant.domain or main_domain(host) == main_domain(merchant.domain))


def _common(session: GatewaySession) -> Body:
    return {
        **refusal(codes.OK),
        "refNumber": session.ref_number,
        "paidAt": iso_time(session.paid_at),
        "status": session.status,
        "amount": session.amount,
        "orderId": session.order_id,
        "description": session.description,
        "cardNumber": session.card_number,
        "multiplexingInfos": [],
    }
