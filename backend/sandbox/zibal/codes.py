"""The gateway's codes with the sentences it sends, as documented at help.zibal.ir/ipg and captured from it."""

from types import MappingProxyType
from typing import Final

OK: Final = 100
MERCHANT_UNKNOWN: Final = 102
MERCHANT_INACTIVE: Final = 103
MERCHANT_INVALID: Final = 104
AMOUNT_TOO_SMALL: Final = 105
CALLBACK_INVALID: Final = 106
PERCENT_MODE_INVALID: Final = 107
SHARE_INVALID: Final = 108
SHARE_INACTIVE: Final = 109
OWN_SHARE_MISSING: Final = 110
SHARES_DIFFER: Final = 111
FEE_WALLET_EMPTY: Final = 112
AMOUNT_TOO_LARGE: Final = 113
NATIONAL_CODE_INVALID: Final = 114
ADDRESS_NOT_ALLOWED: Final = 115
FEE_MODE_INVALID: Final = 116
ALREADY_VERIFIED: Final = 201
NOT_PAID: Final = 202
TRACK_ID_UNKNOWN: Final = 203

MESSAGES = MappingProxyType(
    {
        OK: "success",
        MERCHANT_UNKNOWN: "merchant یافت نشد",
        MERCHANT_INACTIVE: "merchant غیرفعال",
        MERCHANT_INVALID: "merchant نامعتبر",
        AMOUNT_TOO_SMALL: "amount بایستی بزرگتر از 1,000 ریال باشد",
        CALLBACK_INVALID: "callbackUrl نامعتبر می‌باشد (شروع با http و یا https)",
        PERCENT_MODE_INVALID: "percentMode نامعتبر (تنها 0 و 1)",
        SHARE_INVALID: "یک یا چند ذی‌نفع در multiplexingInfos نامعتبر",
        SHARE_INACTIVE: "یک یا چند ذی‌نفع در multiplexingInfos غیرفعال",
        OWN_SHARE_MISSING: "id = self در multiplexingInfos وجود ندارد",
        SHARES_DIFFER: "amount با مجموع سهم‌ها در multiplexingInfos برابر نمی‌باشد",
        FEE_WALLET_EMPTY: "موجودی کیف پول کارمزد جهت کسر کارمزد کافی نیست",
        AMOUNT_TOO_LARGE: "مبلغ تراکنش از سقف میزان تراکنش بیشتر است",
        NATIONAL_CODE_INVALID: "کدملی ارسالی نامعتبر است",
        ADDRESS_NOT_ALLOWED: "ip شما در پنل کاربری ثبت نشده است",
        FEE_MODE_INVALID: "feeMode نامعتبر (تنها عدد صحیح)",
        # The gateway's own spelling.
        ALREADY_VERIFIED: "previously verifed",
        NOT_PAID: "transaction failed",
        TRACK_ID_UNKNOWN: "trackId not found",
    }
)

WAITING: Final = -1
INTERNAL_ERROR: Final = -2
VERIFIED: Final = 1
PAID: Final = 2
CANCELLED: Final = 3
REFUNDED: Final = 15
REFUNDING: Final = 16
REVERSED: Final = 18

FAILURES = MappingProxyType(
    {
        4: "شماره کارت نامعتبر می‌باشد",
        5: "موجودی حساب کافی نمی‌باشد",
        6: "رمز واردشده اشتباه می‌باشد",
        7: "تعداد درخواست‌ها بیش از حد مجاز می‌باشد",
        8: "تعداد پرداخت اینترنتی روزانه بیش از حد مجاز می‌باشد",
        9: "مبلغ پرداخت اینترنتی روزانه بیش از حد مجاز می‌باشد",
        10: "صادرکننده‌ی کارت نامعتبر می‌باشد",
        11: "خطای سوییچ",
        12: "کارت قابل دسترسی نمی‌باشد",
        21: "پذیرنده نامعتبر است",
        INTERNAL_ERROR: "خطای داخلی",
    }
)

STATUSES = MappingProxyType(
    {
        WAITING: "در انتظار پرداخت",
        VERIFIED: "پرداخت شده - تاییدشده",
        PAID: "پرداخت شده - تاییدنشده",
        CANCELLED: "لغوشده توسط کاربر",
        REFUNDED: "تراکنش استرداد شده",
        REFUNDING: "تراکنش در حال استرداد",
        REVERSED: "تراکنش ریورس شده",
        **FAILURES,
    }
)


def message(result: int) -> str:
    """The sentence for a result code, also for an undocumented code."""
    return MESSAGES.get(result, "خطای نامشخص")


def status_text(status: int) -> str:
    """The official Persian name of a session's status."""
    return STATUSES.get(status, f"وضعیت {status}")
