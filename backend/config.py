"""Settings by environment variable. A wrong or missing one stops the start with a sentence that names it."""

import sys
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from backend import mail_address, setting_values
from backend.doors import tokens
from backend.log import get_logger
from backend.prometheus_settings import PrometheusSettings
from backend.seller import SellerSettings

log = get_logger(__name__)

SANDBOX_MERCHANT = "zibal"
BUSINESS_ZONE = "Asia/Tehran"
DEFAULT_METRICS_TOKEN = "local-metrics-token"  # noqa: S105 - known on purpose; production refuses it
METRICS_TOKEN_MIN_LENGTH = 32
DEFAULT_DEPLOYMENTS_TOKEN = "local-deployments-token"  # noqa: S105 - as the one above
DEFAULT_ALERTS_TOKEN = "local-alerts-token"  # noqa: S105 - as the one above
_KNOWN_HASHES = frozenset(map(tokens.hash_of, ("", DEFAULT_DEPLOYMENTS_TOKEN, DEFAULT_ALERTS_TOKEN)))
DAY_S = 86_400
_STRONG_PASSWORD = (
    f"DATABASE_URL (a password of at least {setting_values.PASSWORD_MIN_LENGTH} characters, no known one)"
)

WebAddress = Annotated[str, AfterValidator(setting_values.web_address)]
# pydantic-settings would read a list as JSON.
WebAddresses = Annotated[tuple[str, ...], NoDecode, BeforeValidator(setting_values.web_addresses)]


class UsageSettings(PrometheusSettings):
    """Settings of measuring usage; they need no database."""

    usage_metric: str = Field(default="openai_tokens_total", pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
    usage_tenant_label: str = Field(default="tenant", pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")
    usage_replica_label: str = Field(default="prometheus_replica", pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")
    usage_selector: Annotated[str, AfterValidator(setting_values.matchers)] = ""
    usage_min_coverage: Decimal = Field(default=Decimal("0.95"), ge=0, le=1)
    usage_lookback_s: int = Field(default=4 * 3600, ge=600, le=7 * DAY_S)
    usage_shard_series: int = Field(default=50_000, ge=1, le=10_000_000)
    usage_scan_series: int = Field(default=5_000, ge=1, le=10_000_000)
    usage_scan_share: Decimal = Field(default=Decimal("0.25"), gt=0, le=1)
    usage_scan_deadline_s: int = Field(default=1800, ge=0, le=6 * 3600)

    @field_validator("*", mode="before")
    @classmethod
    def _is_clean(cls, value: object, info: ValidationInfo) -> object:
        # Names in Persian hold joiners; the sender and the seller have rules of their own.
        is_name = (info.field_name or "").startswith(("mail_from", "seller_", "on_call"))
        if is_name or not isinstance(value, str):
            return value
        return setting_values.clean(value)


class Settings(UsageSettings, SellerSettings):
    """Everything that differs between a laptop and production. `docs/settings.md` documents each."""

    environment: Literal["development", "production"] = "development"
    database_url: SecretStr
    database_pool_size: int = Field(default=10, ge=1, le=100)
    public_url: str = "http://127.0.0.1:8000"
    portal_revision: str = Field(default="", pattern=r"^[A-Za-z0-9._+-]{0,80}$")
    proxy_hops: int | None = Field(default=None, ge=0, le=5)
    timezone: str = BUSINESS_ZONE

    backups_enabled: bool = True
    backup_dir: Annotated[str, AfterValidator(setting_values.folder_or_none)] = ""
    backup_keep_days: int = Field(default=14, ge=1, le=400)
    backup_bucket_url: Annotated[str, AfterValidator(setting_values.web_address_or_none)] = ""
    backup_bucket_name: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")
    backup_bucket_region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]{1,40}$")
    backup_bucket_access_key: SecretStr = SecretStr("")
    backup_bucket_secret_key: SecretStr = SecretStr("")
    postgres_tools_dir: Annotated[str, AfterValidator(setting_values.folder_or_none)] = ""
    maintenance_database: str = Field(default="postgres", pattern=r"^[a-z][a-z0-9_]{0,62}$")

    billing_window_days: int = Field(default=10, ge=1, le=60)
    invoice_max_rial: int = Field(default=50_000_000_000, ge=1_000_000, le=10**12)

    prometheus_public_url: Annotated[str, AfterValidator(setting_values.web_address_or_none)] = ""
    alertmanager_urls: WebAddresses = ("http://127.0.0.1:9093",)
    alertmanager_timeout_s: float = Field(default=5, ge=1, le=30, allow_inf_nan=False)
    zibal_url: WebAddress = "https://gateway.zibal.ir"
    zibal_merchant: SecretStr = SecretStr(SANDBOX_MERCHANT)
    zibal_merchant_previous: SecretStr = SecretStr("")
    zibal_min_rial: int = Field(default=10_000, gt=1_000, le=1_000_000_000)
    zibal_max_rial: int = Field(default=500_000_000, ge=20_000, le=1_000_000_000_000)
    payment_attempt_ttl_s: int = Field(default=15 * 60, ge=60, le=DAY_S)
    payment_prepared_sessions: int = Field(default=0, ge=0, le=100_000)
    payment_prepared_ttl_s: int = Field(default=DAY_S, ge=60, le=30 * DAY_S)
    smtp_url: SecretStr = SecretStr("smtp://127.0.0.1:1025")
    mail_from: str = "DocuChat <billing@docuchat.example>"
    openai_base_url: WebAddress = "https://api.openai.com/v1"
    openai_api_key: SecretStr = SecretStr("")
    openai_api_key_file: str = ""
    openai_admin_key: SecretStr = SecretStr("")
    openai_project_id: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,100}$")
    openai_service_account_id: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,100}$")
    openai_key_quiet_s: int = Field(default=60, ge=1, le=900)
    openai_model: str = Field(default="gpt-5-mini", pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")
    openai_embedding_model: str = Field(
        default="text-embedding-3-small", pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$"
    )
    openai_tokens_per_day: int = Field(default=200_000, ge=0, le=10**9)
    openai_calls_per_hour: int = Field(default=60, ge=0, le=100_000)
    on_call: Annotated[str, AfterValidator(setting_values.short_text)] = ""
    on_call_url: Annotated[str, AfterValidator(setting_values.secure_link)] = ""
    kubeconfig: str = ""
    kubernetes_namespaces: Annotated[str, AfterValidator(setting_values.namespaces)] = ""
    kubernetes_timeout_s: float = Field(default=10, ge=1, le=60, allow_inf_nan=False)
    kubernetes_runner_account: Annotated[str, AfterValidator(setting_values.service_account)] = ""
    docuchat_database_admin_url: SecretStr = SecretStr("")
    docuchat_database_logins: str = Field(
        default="docuchat_a,docuchat_b", pattern=r"^[a-z][a-z0-9_]{0,62},[a-z][a-z0-9_]{0,62}$"
    )
    docuchat_token_life_s: int = Field(default=900, ge=0, le=60 * DAY_S)
    database_stateful_set: Annotated[str, AfterValidator(setting_values.object_in_cluster)] = ""
    database_service: Annotated[str, AfterValidator(setting_values.namespace_or_none)] = ""
    runbook_namespace: Annotated[str, AfterValidator(setting_values.namespace_or_none)] = ""
    runner_kubeconfig: str = ""
    runner_launcher: Literal["process", "job"] = "process"
    runner_job_template: str = ""
    gpu_resource: str = Field(default="nvidia.com/gpu", pattern=r"^[a-z0-9.-]{1,80}/[A-Za-z0-9._-]{1,63}$")
    gpu_hour_cost_toman: int = Field(default=0, ge=0, le=10**9)
    redis_url: SecretStr = SecretStr("")
    metrics_token: SecretStr = SecretStr(DEFAULT_METRICS_TOKEN)
    metrics_token_previous: SecretStr = SecretStr("")
    jobs_metrics_port: int = Field(default=0, ge=0, le=65_535)
    metrics_hold_s: float = Field(default=0, ge=0, le=600, allow_inf_nan=False)
    deployments_token_hash: str = tokens.hash_of(DEFAULT_DEPLOYMENTS_TOKEN)
    deployments_ci_hosts: str = ""
    alerts_token_hash: str = tokens.hash_of(DEFAULT_ALERTS_TOKEN)
    otel_exporter_otlp_endpoint: Annotated[str, AfterValidator(setting_values.web_address_or_none)] = ""
    session_idle_s: int = Field(default=12 * 3600, ge=60, le=366 * DAY_S)
    session_life_s: int = Field(default=14 * DAY_S, ge=60, le=366 * DAY_S)

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        return setting_values.web_origin(value)

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        setting_values.database_address(value.get_secret_value())
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_smtp(cls, value: SecretStr) -> SecretStr:
        setting_values.service_address(value.get_secret_value(), "smtp", "smtps")
        return value

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, value: SecretStr) -> SecretStr:
        setting_values.redis_address(value.get_secret_value())
        return value

    @field_validator("zibal_merchant", "zibal_merchant_previous")
    @classmethod
    def _is_merchant(cls, value: SecretStr) -> SecretStr:
        setting_values.code(value.get_secret_value(), longest=64)
        return value

    @field_validator("metrics_token", "metrics_token_previous", "openai_api_key", "openai_admin_key")
    @classmethod
    def _is_token(cls, value: SecretStr) -> SecretStr:
        setting_values.token(value.get_secret_value())
        return value

    @field_validator("deployments_token_hash", "alerts_token_hash")
    @classmethod
    def _is_hash(cls, value: str) -> str:
        return ",".join(tokens.hashes_in(value))

    @field_validator("deployments_ci_hosts")
    @classmethod
    def _are_hosts(cls, value: str) -> str:
        return ",".join(setting_values.hosts(value))

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
            f"METRICS_TOKEN_PREVIOUS (none, or at least {METRICS_TOKEN_MIN_LENGTH} characters)": (
                0 < len(self.metrics_token_previous.get_secret_value()) < METRICS_TOKEN_MIN_LENGTH
            ),
            **self._unsafe_doors(),
            "PUBLIC_URL": not self.is_https,
            "PROMETHEUS_URL (https, where a token or a password is sent)": self.sends_secrets_in_the_open(),
            # A dump holds everything, and its keys travel with it.
            "BACKUP_BUCKET_URL": self.backup_bucket_url.startswith("http://"),
            # We speak no TLS, so a proxy stands before us, and without its word every client has its address.
            "PROXY_HOPS": self.trusted_hops == 0,
            _STRONG_PASSWORD: setting_values.is_weak_password(self.database_url.get_secret_value()),
            # An invoice that names no seller is none.
            **dict.fromkeys(self.missing_of_seller, True),
        }
        if wrong := sorted(name for name, is_wrong in refused.items() if is_wrong):
            raise ValueError(f"production refuses the default or unsafe value of {', '.join(wrong)}")
        return self

    @property
    def ci_hosts(self) -> frozenset[str]:
        """Hosts of build servers that pages may link to."""
        return frozenset(setting_values.hosts(self.deployments_ci_hosts))

    def _unsafe_doors(self) -> dict[str, bool]:
        """The hashes of door tokens that everybody knows, or that open another door, too."""
        deployments, alerts = (
            set(tokens.hashes_in(each)) for each in (self.deployments_token_hash, self.alerts_token_hash)
        )
        return {
            "DEPLOYMENTS_TOKEN_HASH": bool(deployments & _KNOWN_HASHES),
            "ALERTS_TOKEN_HASH (of a token of its own)": bool(alerts & (_KNOWN_HASHES | deployments)),
        }

    @property
    def namespaces_of_cluster(self) -> tuple[str, ...]:
        """The namespaces that the portal looks at; none means that of its own account."""
        return tuple(self.kubernetes_namespaces.split(",")) if self.kubernetes_namespaces else ()

    @property
    def sqlalchemy_url(self) -> str:
        """The database address with the driver that this project uses. Holds the password: never log it."""
        return driver_url(self.database_url.get_secret_value())

    @property
    def database_name(self) -> str:
        """The name of our database; other things that a run locks are named as it is."""
        return urlsplit(self.database_url.get_secret_value()).path.strip("/")

    @property
    def trusted_hops(self) -> int:
        """Number of reverse proxies trusted to tell the client's address; production implies one unless ``PROXY_HOPS``
        is set.
        """
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
    """A line for each wrong setting: its name and its fault; never its value."""
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


def warn_of_development() -> None:
    """Say in the log of a process that serves that it does not run as production, where it does not."""
    if not settings().is_production:
        log.warning(
            "settings.development",
            meaning="ENVIRONMENT is not production: unsafe defaults are accepted, and pages say so.",
        )


def settings_or_exit() -> Settings:
    """The settings, or the end of the process with a sentence on standard error and exit code 2."""
    try:
        return settings()
    except WrongSettings as wrong:
        print(wrong, file=sys.stderr)  # noqa: T201 - logging needs no settings, a person at a terminal needs words
        sys.exit(2)
