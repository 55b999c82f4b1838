"""Settings by environment variable. A wrong or missing one stops the start with a sentence that names it."""

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend import mail_address
from backend.seller import SellerSettings

SANDBOX_MERCHANT = "zibal"
BUSINESS_ZONE = "Asia/Tehran"
DEFAULT_METRICS_TOKEN = "local-metrics-token"  # noqa: S105 - known on purpose; production refuses it
KNOWN_PASSWORDS = frozenset({"postgres", "password", "portal", "docuchat"})
METRICS_TOKEN_MIN_LENGTH = 32
USUAL_PORTS = {"http": 80, "https": 443}


def web_address(value: str) -> str:
    """The address without a slash at its end. Raises ValueError for anything that is no http address."""
    if not value.startswith(("http://", "https://")):
        raise ValueError("must be an address that begins with http:// or https://")
    return value.rstrip("/")


def web_origin(value: str) -> str:
    """The address as browsers name it in their Origin header, without a slash at its end.

    Raises:
        ValueError: a browser would name this address differently, and so every post would count as a foreign one.
    """
    address = web_address(value)
    with suppress(ValueError):  # a port that is no number, a bracket without its other half
        if address == _origin_of(address):
            return address
    raise ValueError(
        "must be scheme, host and at most an unusual port, in lower case and without a path,"
        " such as https://portal.example.com"
    )


def _origin_of(address: str) -> str:
    parts = urlsplit(address)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{IPv6Address(host)}]"
    elif not re.fullmatch(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", host):
        raise ValueError(host)
    port = f":{parts.port}" if parts.port and parts.port != USUAL_PORTS[parts.scheme] else ""
    return f"{parts.scheme}://{host}{port}"


def redis_address(value: str) -> str:
    """The address of a Redis, or an empty one. Raises ValueError, without the address, for anything else."""
    if value and not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be an address that begins with redis://, rediss:// or unix://")
    if value.startswith(("redis://", "rediss://")) and not _names_a_host(value):
        raise ValueError(
            "must name a host, and a port only as a number from 1 to 65535;"
            " in a password, write @ : / ? # and % as %40 %3A %2F %3F %23 and %25"
        )
    return value


class UsageSettings(BaseSettings):
    """What measuring usage needs; it needs no database."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, hide_input_in_errors=True)

    prometheus_url: str = "http://127.0.0.1:9090"
    prometheus_timeout_s: float = Field(default=60, gt=0)
    usage_metric: str = Field(default="openai_tokens_total", pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
    usage_tenant_label: str = Field(default="tenant", pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")
    usage_replica_label: str = Field(default="prometheus_replica", pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")
    usage_selector: str = ""
    usage_min_coverage: Decimal = Field(default=Decimal("0.95"), ge=0, le=1)
    usage_lookback_s: int = Field(default=4 * 3600, ge=600)
    usage_shard_series: int = Field(default=50_000, ge=1)

    @field_validator("prometheus_url")
    @classmethod
    def _is_prometheus_address(cls, value: str) -> str:
        return web_address(value)


class Settings(UsageSettings, SellerSettings):
    """Everything that differs between a laptop and production. The README's table documents each."""

    environment: Literal["development", "production"] = "development"
    database_url: SecretStr
    database_pool_size: int = Field(default=10, ge=1, le=100)
    public_url: str = "http://127.0.0.1:8000"
    proxy_hops: int | None = Field(default=None, ge=0, le=5)
    timezone: str = BUSINESS_ZONE

    billing_window_days: int = Field(default=10, ge=1, le=60)

    alertmanager_url: str = "http://127.0.0.1:9093"
    zibal_url: str = "https://gateway.zibal.ir"
    zibal_merchant: SecretStr = SecretStr(SANDBOX_MERCHANT)
    zibal_merchant_previous: SecretStr = SecretStr("")
    zibal_min_rial: int = Field(default=10_000, gt=1_000)
    zibal_max_rial: int = Field(default=500_000_000, ge=20_000)
    payment_attempt_ttl_s: int = Field(default=15 * 60, ge=60)
    payment_prepared_sessions: int = Field(default=0, ge=0, le=100_000)
    payment_prepared_ttl_s: int = Field(default=86400, ge=60)
    smtp_url: SecretStr = SecretStr("smtp://127.0.0.1:1025")
    mail_from: str = "DocuChat <billing@docuchat.example>"
    openai_base_url: str = "https://api.openai.com/v1"
    openai_api_key: SecretStr = SecretStr("")
    kubeconfig: str = ""
    redis_url: SecretStr = SecretStr("")
    metrics_token: SecretStr = SecretStr(DEFAULT_METRICS_TOKEN)
    session_idle_s: int = Field(default=12 * 3600, ge=60)
    session_life_s: int = Field(default=14 * 86400, ge=60)

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        return web_origin(value)

    @field_validator("alertmanager_url", "zibal_url", "openai_base_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        return web_address(value)

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("must be an address that begins with postgresql://")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_smtp(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("smtp://", "smtps://")):
            raise ValueError("must be an address that begins with smtp:// or smtps://")
        if not _names_a_host(value.get_secret_value()):
            raise ValueError("must name a host, and a port only as a number from 1 to 65535")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr) -> SecretStr:
        redis_address(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_sender(cls, value: str) -> str:
        try:
            return str(mail_address.sender(value).header)
        except ValueError:
            raise ValueError(
                "must be an address such as Billing <billing@example.com> or billing@example.com"
            ) from None

    @field_validator("timezone")
    @classmethod
    def _is_business_zone(cls, value: str) -> str:
        if value != BUSINESS_ZONE:
            raise ValueError(
                f"must be {BUSINESS_ZONE}: the days that are measured, priced and invoiced are days of that zone"
            )
        return value

    @field_validator("zibal_max_rial")
    @classmethod
    def _any_amount_can_be_split(cls, value: int, info: ValidationInfo) -> int:
        if value < 2 * info.data.get("zibal_min_rial", 0):
            raise ValueError("must be at least twice ZIBAL_MIN_RIAL, so that any amount can be split")
        return value

    @model_validator(mode="after")
    def _production_is_strict(self) -> "Settings":
        if self.environment != "production":
            return self
        refused = {
            "ZIBAL_MERCHANT": self.zibal_merchant.get_secret_value() in {"", SANDBOX_MERCHANT},
            "ZIBAL_MERCHANT_PREVIOUS": self.zibal_merchant_previous.get_secret_value() == SANDBOX_MERCHANT,
            "ZIBAL_URL": not self.zibal_url.startswith("https://"),
            f"METRICS_TOKEN (at least {METRICS_TOKEN_MIN_LENGTH} characters)": (
                len(self.metrics_token.get_secret_value()) < METRICS_TOKEN_MIN_LENGTH
            ),
            "PUBLIC_URL": not self.is_https,
            # We speak no TLS, so a proxy stands before us, and without its word every client has its address.
            "PROXY_HOPS": self.trusted_hops == 0,
            "DATABASE_URL": _has_known_password(self.database_url.get_secret_value()),
            # An invoice that names no seller is none.
            **dict.fromkeys(self.missing_of_seller, True),
        }
        if wrong := sorted(name for name, is_wrong in refused.items() if is_wrong):
            raise ValueError(f"production refuses the default or unsafe value of {', '.join(wrong)}")
        return self

    @property
    def sqlalchemy_url(self) -> str:
        """The database address with the driver that this project uses. Holds the password: never log it."""
        return driver_url(self.database_url.get_secret_value())

    @property
    def trusted_hops(self) -> int:
        """Reverse proxies whose word on a client's address is taken; https implies one where none is told."""
        if self.proxy_hops is None:
            return int(self.is_production)
        return self.proxy_hops

    @property
    def is_production(self) -> bool:
        """Whether real customers and real money are behind this."""
        return self.environment == "production"

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the portal by https, so that cookies must never travel without it."""
        return self.public_url.startswith("https://")

    @property
    def cookie_name(self) -> str:
        """The session cookie's name; the ``__Host-`` prefix is only possible with https."""
        return "__Host-portal" if self.is_https else "portal"


def driver_url(url: str) -> str:
    """A PostgreSQL address with the driver that SQLAlchemy is to use, psycopg 3."""
    return f"postgresql+psycopg://{url.partition('://')[2]}"


def _names_a_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _has_known_password(url: str) -> bool:
    return not KNOWN_PASSWORDS.isdisjoint(_passwords_in(url))


def _passwords_in(url: str) -> Iterator[str]:
    """Every password of a database address, read as SQLAlchemy reads it: before the host, and among the options."""
    address = url.partition("://")[2]
    if before_host := re.match(r"[^:/]*:([^@]*)@", address):
        yield unquote(before_host[1])
        address = address[before_host.end() :]
    yield from (value for name, value in parse_qsl(address.partition("?")[2]) if name == "password")


class WrongSettings(Exception):
    """The environment does not describe a portal that can start."""


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        WrongSettings: with one sentence for each setting that is wrong or missing; it never holds a value.
    """
    try:
        return Settings()
    except ValidationError as wrong:
        raise WrongSettings(explain(wrong)) from None


def explain(wrong: ValidationError) -> str:
    """One line for each wrong setting: its name and what is the matter; never its value."""
    lines = []
    for error in wrong.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in error["loc"]).upper() or "ENVIRONMENT=production"
        message = "is not set" if error["type"] == "missing" else error["msg"].removeprefix("Value error, ")
        lines.append(f"Setting {name}: {message}.")
    return "\n".join(lines)


def usage_settings(**given: str) -> UsageSettings:
    """The settings of usage alone; a given value stands before the environment's.

    Raises:
        WrongSettings: with one sentence for each setting that is wrong.
    """
    try:
        return UsageSettings.model_validate({**UsageSettings().model_dump(), **given})
    except ValidationError as wrong:
        raise WrongSettings(explain(wrong)) from None


def settings_or_exit() -> Settings:
    """The settings, or the end of the process with a sentence on standard error and exit code 2."""
    try:
        return settings()
    except WrongSettings as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - logging needs no settings, a person at a terminal needs words
        sys.exit(2)
