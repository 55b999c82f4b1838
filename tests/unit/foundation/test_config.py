import os
import subprocess
import sys

import pytest

from backend import clock, config, mail_address
from tests.production import PRODUCTION, SELLER


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in config.Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def wrong(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config.settings.cache_clear()
    with pytest.raises(config.WrongSettings) as refused:
        config.settings()
    return str(refused.value)


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong(monkeypatch, {}) == "Setting DATABASE_URL: is not set."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://x"),
        ("PUBLIC_URL", "portal.example.ir"),
        ("SMTP_URL", "mail.example.ir"),
        ("SMTP_URL", "smtp://mail.example.ir:many"),
        ("SMTP_URL", "smtp://"),
        ("MAIL_FROM", "billing"),
        ("MAIL_FROM", ""),
        ("MAIL_FROM", "DocuChat billing@docuchat.example"),
        ("MAIL_FROM", "DocuChat <billing@☺.example>"),
        ("MAIL_FROM", "DocuChat <صورتحساب@docuchat.example>"),
        ("TIMEZONE", "Asia/Nowhere"),
        ("TIMEZONE", "Europe/Berlin"),
        ("USAGE_METRIC", "tokens{"),
        ("USAGE_MIN_COVERAGE", "95"),
        ("ENVIRONMENT", "prod"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    sentence = wrong(monkeypatch, {"DATABASE_URL": "postgresql://u:geheim@db/x"} | {name: value})

    assert sentence.startswith(f"Setting {name}: ")
    assert "geheim" not in sentence


@pytest.mark.parametrize(
    "address",
    [
        "https://portal.example.ir:443",
        "http://127.0.0.1:80",
        "https://Portal.example.ir",
        "HTTPS://portal.example.ir",
        "https://portal.example.ir/portal",
        "https://portal.example.ir?x=1",
        "https://portal.example.ir#top",
        "https://user@portal.example.ir",
        "https://",
        "https://:8443",
        "https://portal.example.ir:",
        "https://portal.example.ir:08443",
        "https://portal.example.ir:many",
        "https://portal.example.ir:70000",
        "https://portal .example.ir",
        "https://پرتال.example.ir",
        "https://[::1",
        "https://[2001:DB8::1]",
        "https://[0:0::1]",
    ],
)
def test_an_address_that_no_browser_names_as_its_origin_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    sentence = wrong(monkeypatch, {"DATABASE_URL": "postgresql://u@db/x", "PUBLIC_URL": address})

    assert sentence.startswith("Setting PUBLIC_URL: must be ")


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://portal.example.ir", "https://portal.example.ir"),
        ("https://portal.example.ir/", "https://portal.example.ir"),
        ("https://portal.example.ir:8443", "https://portal.example.ir:8443"),
        ("https://xn--mgba.example.ir", "https://xn--mgba.example.ir"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_public_address_is_the_origin_that_browsers_send(
    monkeypatch: pytest.MonkeyPatch, address: str, origin: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@db/x")
    monkeypatch.setenv("PUBLIC_URL", address)
    config.settings.cache_clear()

    assert config.settings().public_url == origin


@pytest.mark.parametrize(
    ("written", "sender"),
    [
        ("billing@docuchat.example", "billing@docuchat.example"),
        ("Docu Chat <billing@docuchat.example>", "Docu Chat <billing@docuchat.example>"),
        ("داکیوچت <billing@پرتال.example>", "داکیوچت <billing@xn--mgbfu2f0n.example>"),
        ("\u200f داکیوچت\u200e <billing@docuchat.example> ", "داکیوچت <billing@docuchat.example>"),
    ],
)
def test_every_sender_that_passes_the_start_can_send(
    monkeypatch: pytest.MonkeyPatch, written: str, sender: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@db/x")
    monkeypatch.setenv("MAIL_FROM", written)
    config.settings.cache_clear()

    assert config.settings().mail_from == sender
    assert mail_address.sender(sender).header.addr_spec.isascii()


def test_no_other_zone_than_the_business_one_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = wrong(monkeypatch, {"DATABASE_URL": "postgresql://u:geheim@db/x", "TIMEZONE": "Asia/Baku"})

    assert sentence.startswith("Setting TIMEZONE: must be Asia/Tehran: ")
    assert clock.TEHRAN.key == config.BUSINESS_ZONE


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZIBAL_MERCHANT", "zibal"),
        ("METRICS_TOKEN", config.DEFAULT_METRICS_TOKEN),
        ("PUBLIC_URL", "http://portal.example.ir"),
        ("PROXY_HOPS", "0"),
        ("ZIBAL_URL", "http://gateway.zibal.ir"),
        ("ZIBAL_MERCHANT_PREVIOUS", "zibal"),
        ("DATABASE_URL", "postgresql://portal:password@db/portal"),
        ("DATABASE_URL", "postgresql://portal:p%6frtal@db/portal"),
        ("DATABASE_URL", "postgresql://portal@db/portal?password=portal"),
        ("DATABASE_URL", "postgresql://db/portal?user=portal&password=p%6Frtal"),
        ("DATABASE_URL", "postgresql://portal:Kx9-long@db/portal?application_name=a@b&password=docuchat"),
        ("DATABASE_URL", "postgresql://portal:portal@db/portal?application_name=a@b"),
        ("METRICS_TOKEN", ""),
        ("METRICS_TOKEN", "x"),
        ("METRICS_TOKEN", "x" * 31),
    ],
)
def test_production_refuses_the_default(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    assert name in wrong(monkeypatch, PRODUCTION | {name: value})


@pytest.mark.parametrize("name", SELLER)
def test_production_refuses_an_invoice_that_does_not_name_its_seller(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert name in wrong(monkeypatch, PRODUCTION | {name: " "})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SELLER_LEGAL_NAME", "one\ntwo"),
        ("SELLER_LEGAL_NAME", "x" * 301),
        ("SELLER_ECONOMIC_CODE", "12345"),
        ("SELLER_NATIONAL_ID", "1400123456"),
        ("SELLER_NATIONAL_ID", "1400123456x"),
        ("SELLER_REGISTRATION_NUMBER", "12/34"),
        ("SELLER_POSTAL_CODE", "12345-6789"),
        ("SELLER_PHONE", "phone us"),
        ("SELLER_LOGO", "logo.gif"),
    ],
)
def test_a_wrong_detail_of_the_seller_is_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    sentence = wrong(monkeypatch, PRODUCTION | {name: value})

    assert sentence.startswith(f"Setting {name}: must ")
    assert value not in sentence


def test_the_sellers_numbers_may_be_typed_in_persian_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (PRODUCTION | {"SELLER_POSTAL_CODE": "۱۲۳۴۵۶۷۸۹۰"}).items():
        monkeypatch.setenv(name, value)
    config.settings.cache_clear()

    assert config.settings().seller_postal_code == "1234567890"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://portal@db/portal",
        "postgresql://db/portal",
        "postgresql://portal:Kx9-long@db/password?application_name=portal",
        "postgresql://portal:one?password=portal@db/portal",
    ],
)
def test_production_takes_other_passwords_and_none(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name, value in (PRODUCTION | {"DATABASE_URL": url}).items():
        monkeypatch.setenv(name, value)
    config.settings.cache_clear()

    assert config.settings().is_production


def test_a_laptop_needs_no_proxy_and_no_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", PRODUCTION["DATABASE_URL"])
    monkeypatch.setenv("ZIBAL_URL", "http://127.0.0.1:8010")
    config.settings.cache_clear()

    assert config.settings().trusted_hops == 0


def test_production_starts_with_everything_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    config.settings.cache_clear()

    assert config.settings().is_production
    assert config.settings().trusted_hops == 1
    assert config.settings().cookie_name == "__Host-portal"


def test_a_process_with_a_wrong_setting_stops_with_the_sentence() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": ".", "DATABASE_URL": "sqlite://"}
    run = subprocess.run(
        [sys.executable, "-m", "backend.db", "upgrade"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 2
    assert run.stderr == "Setting DATABASE_URL: must be an address that begins with postgresql://.\n"
