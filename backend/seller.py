"""The seller's legal details from environment variables, for the head of every printed invoice."""

import re
from pathlib import Path

from pydantic import ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend import free_text

# What the portal serves as a picture, and how browsers call it.
LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
_PATTERNS = {
    "seller_economic_code": (r"[0-9]{11,16}", "must have 11 to 16 digits and nothing else"),
    "seller_national_id": (r"[0-9]{11}", "must have 11 digits and nothing else"),
    "seller_registration_number": (r"[0-9]{1,10}", "must have 1 to 10 digits and nothing else"),
    "seller_postal_code": (r"[0-9]{10}", "must have 10 digits and nothing else"),
    "seller_phone": (r"[0-9+() -]{5,40}", "must be a telephone number such as 021-12345678"),
}
_MAX_TEXT = 300
_ZWNJ = "\u200c"


class SellerSettings(BaseSettings):
    """Settings of the seller's legal details. Production demands all but the logo."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, hide_input_in_errors=True)

    seller_legal_name: str = ""
    seller_economic_code: str = ""
    seller_national_id: str = ""
    seller_registration_number: str = ""
    seller_address: str = ""
    seller_postal_code: str = ""
    seller_phone: str = ""
    seller_logo: str = ""

    @field_validator("seller_legal_name", "seller_address")
    @classmethod
    def _is_one_line(cls, value: str) -> str:
        line = value.strip()
        if len(line) > _MAX_TEXT or not line.replace(_ZWNJ, "").isprintable():
            raise ValueError(f"must be one line of at most {_MAX_TEXT} characters")
        return free_text.written(line, longest=_MAX_TEXT) if line else ""

    @field_validator(*_PATTERNS)
    @classmethod
    def _is_number(cls, value: str, info: ValidationInfo) -> str:
        pattern, sentence = _PATTERNS[str(info.field_name)]
        digits = free_text.latin_digits(free_text.pasted(value))
        if digits and not re.fullmatch(pattern, digits):
            raise ValueError(sentence)
        return digits

    @field_validator("seller_logo")
    @classmethod
    def _is_picture(cls, value: str) -> str:
        if value and Path(value).suffix.lower() not in LOGO_TYPES:
            raise ValueError("must be the path of a file that ends in .svg, .png, .jpg or .jpeg")
        return value

    @property
    def missing_of_seller(self) -> list[str]:
        """The settings without which an invoice does not name its seller, in upper case."""
        needed = ("seller_legal_name", "seller_address", *_PATTERNS)
        return [name.upper() for name in needed if not getattr(self, name)]
