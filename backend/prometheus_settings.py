"""Settings of the measuring servers: where they are, and how we prove to them who we are."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backend import setting_values

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# These are the client's own, or have a setting of their own.
_OTHER_HEADERS = frozenset(
    {"authorization", "host", "cookie", "connection", "transfer-encoding", "accept-encoding", "accept"}
)


class PrometheusSettings(BaseSettings):
    """Settings of every server that is asked for measurements; each holds for all of them."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, hide_input_in_errors=True)

    # pydantic-settings would read a list as JSON.
    prometheus_url: Annotated[tuple[str, ...], NoDecode, BeforeValidator(setting_values.web_addresses)] = (
        "http://127.0.0.1:9090",
    )
    prometheus_timeout_s: float = Field(default=60, ge=1, le=600, allow_inf_nan=False)
    prometheus_bearer_token: SecretStr = SecretStr("")
    prometheus_bearer_token_file: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(setting_values.file_paths)
    ] = ()
    prometheus_username: str = Field(default="", pattern=r"^[^:\s]{0,200}$")
    prometheus_password: SecretStr = Field(default=SecretStr(""), validate_default=True)
    prometheus_headers: SecretStr = SecretStr("")
    prometheus_ca_file: Annotated[str, AfterValidator(setting_values.file_or_none)] = ""
    prometheus_client_cert_file: Annotated[str, AfterValidator(setting_values.file_or_none)] = ""
    prometheus_client_key_file: Annotated[str, AfterValidator(setting_values.file_or_none)] = Field(
        default="", validate_default=True
    )

    @field_validator("prometheus_url")
    @classmethod
    def _are_bare(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name at least one address")
        if any(
            (parts := urlsplit(each)).username or parts.password or parts.query or parts.fragment
            for each in value
        ):
            raise ValueError(
                "must be addresses without name, password, ? and #; PROMETHEUS_USERNAME, PROMETHEUS_PASSWORD and"
                " PROMETHEUS_HEADERS are for what a server wants to know"
            )
        return value

    @field_validator("prometheus_bearer_token")
    @classmethod
    def _is_bearer_token(cls, value: SecretStr) -> SecretStr:
        setting_values.token(value.get_secret_value())
        return value

    @field_validator("prometheus_bearer_token_file")
    @classmethod
    def _is_for_each(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if len(value) > 1 and len(value) != len(info.data.get("prometheus_url", value)):
            raise ValueError(
                "must name one file for all addresses, or as many as PROMETHEUS_URL has, in its order"
            )
        if value and info.data.get("prometheus_bearer_token", SecretStr("")).get_secret_value():
            raise ValueError("must be empty where PROMETHEUS_BEARER_TOKEN is set: give one of them")
        return value

    @field_validator("prometheus_password")
    @classmethod
    def _is_for_a_name(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        has_name = bool(info.data.get("prometheus_username", "x"))
        if has_name != bool(value.get_secret_value()):
            raise ValueError("must be set together with PROMETHEUS_USERNAME")
        has_token = bool(info.data.get("prometheus_bearer_token_file")) or bool(
            info.data.get("prometheus_bearer_token", SecretStr("")).get_secret_value()
        )
        if value.get_secret_value() and has_token:
            raise ValueError("must be empty where a bearer token is given: a server takes one proof")
        return value

    @field_validator("prometheus_headers")
    @classmethod
    def _are_headers(cls, value: SecretStr) -> SecretStr:
        headers_of(value.get_secret_value())
        return value

    @field_validator("prometheus_client_key_file")
    @classmethod
    def _is_a_pair(cls, value: str, info: ValidationInfo) -> str:
        if bool(value) != bool(info.data.get("prometheus_client_cert_file", value)):
            raise ValueError("must be set together with PROMETHEUS_CLIENT_CERT_FILE")
        return value

    def sends_secrets_in_the_open(self) -> bool:
        """Whether a token or a password would travel to some server without encryption."""
        has_secret = (
            self.prometheus_bearer_token.get_secret_value()
            or self.prometheus_bearer_token_file
            or self.prometheus_password.get_secret_value()
        )
        return bool(has_secret) and not all(each.startswith("https://") for each in self.prometheus_url)


def headers_of(value: str) -> dict[str, str]:
    """Headers from a text such as ``X-Scope-OrgID=docuchat,X-Team=billing``.

    Raises:
        ValueError: with a sentence for the operator; it never holds the value.
    """
    found: dict[str, str] = {}
    for each in value.split(",") if value else ():
        name, sign, told = each.strip().partition("=")
        if not sign or not _HEADER.fullmatch(name) or not re.fullmatch(r"[!-~]([ -~]*[!-~])?", told):
            raise ValueError("must be headers such as X-Scope-OrgID=docuchat, with commas between them")
        if name.lower() in _OTHER_HEADERS or name.lower().startswith("content-"):
            raise ValueError(
                "must not hold Authorization, which has settings of its own, nor a header that belongs to the exchange"
            )
        found[name] = told
    return found
