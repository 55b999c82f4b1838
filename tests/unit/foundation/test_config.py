import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from backend import clock, config, mail_address
from backend.doors.tokens import hash_of
from tests.production import PRODUCTION, SELLER

ROOT = Path(__file__).parents[3]


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
        ("INVOICE_MAX_RIAL", "999999"),
        ("INVOICE_MAX_RIAL", "1000000000001"),
        ("ALERTMANAGER_URLS", "http://one:9093,two:9093"),
        ("ALERTMANAGER_URLS", ",".join(f"http://am-{number}:9093" for number in range(10))),
        ("ALERTMANAGER_TIMEOUT_S", "0"),
        ("PROMETHEUS_URL", ""),
        ("PROMETHEUS_URL", "https://portal:geheim@metrics.example"),
        ("PROMETHEUS_URL", "https://metrics.example/?token=geheim"),
        ("PROMETHEUS_URL", ",".join(f"http://metrics-{number}:9090" for number in range(10))),
        ("PROMETHEUS_BEARER_TOKEN", "zwei geheime"),
        ("PROMETHEUS_BEARER_TOKEN_FILE", "token"),
        ("PROMETHEUS_BEARER_TOKEN_FILE", "/token,/geheim"),
        ("PROMETHEUS_USERNAME", "portal:geheim"),
        ("PROMETHEUS_PASSWORD", "geheim"),
        ("PROMETHEUS_HEADERS", "X-Scope-OrgID"),
        ("PROMETHEUS_HEADERS", "X-Scope-OrgID="),
        ("PROMETHEUS_HEADERS", "X Scope=geheim"),
        ("PROMETHEUS_HEADERS", "Authorization=Bearer geheim"),
        ("PROMETHEUS_HEADERS", "content-length=geheim"),
        ("PROMETHEUS_CA_FILE", "ca.crt"),
        ("PROMETHEUS_CLIENT_KEY_FILE", "/tls.key"),
        ("KUBERNETES_NAMESPACES", "docuchat,,portal"),
        ("KUBERNETES_NAMESPACES", "DocuChat"),
        ("KUBERNETES_TIMEOUT_S", "0"),
        ("JOBS_METRICS_PORT", "65536"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("KUBERNETES_RUNNER_ACCOUNT", "portal-operator"),
        ("ENVIRONMENT", "prod"),
        ("ON_CALL", "x" * 121),
        ("ON_CALL_URL", "http://rota.example"),
        ("ON_CALL_URL", "javascript:alert(1)"),
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
        ("ZIBAL_MERCHANT", " zibal\n"),
        ("METRICS_TOKEN", config.DEFAULT_METRICS_TOKEN),
        ("PUBLIC_URL", "http://portal.example.ir"),
        ("PROXY_HOPS", "0"),
        ("ZIBAL_URL", "http://gateway.zibal.ir"),
        ("ZIBAL_MERCHANT_PREVIOUS", "zibal"),
        ("DATABASE_URL", "postgresql://portal:password@db/portal"),
        ("DATABASE_URL", "postgresql://portal:p%6frtal@db/portal"),
        ("DATABASE_URL", "postgresql://portal@db/portal?password=portal"),
        ("DATABASE_URL", "postgresql://db/portal?user=portal&password=p%6Frtal"),
        (
            "DATABASE_URL",
            "postgresql://portal:Kx9-long-enough@db/portal?application_name=a@b&password=docuchat",
        ),
        ("DATABASE_URL", "postgresql://portal:portal@db/portal?application_name=a@b"),
        ("DATABASE_URL", "postgresql://portal:@db/portal"),
        ("DATABASE_URL", "postgresql://portal@db/portal?password="),
        ("DATABASE_URL", "postgresql://portal:Kx9-short@db/portal"),
        ("DATABASE_URL", "postgresql://portal:123456789012@db/portal"),
        ("DATABASE_URL", "postgresql://portal:aaaaaaaaaaaaaa@db/portal"),
        ("DATABASE_URL", "postgresql://portal-of-docuchat:portal-of-docuchat@db/portal"),
        ("DATABASE_URL", "postgresql://portal:docuchat-invoices@db/docuchat-invoices"),
        ("METRICS_TOKEN", ""),
        ("METRICS_TOKEN", "x"),
        ("METRICS_TOKEN", "x" * 31),
        ("DEPLOYMENTS_TOKEN_HASH", hash_of(config.DEFAULT_DEPLOYMENTS_TOKEN)),
        ("DEPLOYMENTS_TOKEN_HASH", hash_of(config.DEFAULT_ALERTS_TOKEN)),
        ("DEPLOYMENTS_TOKEN_HASH", f"{PRODUCTION['DEPLOYMENTS_TOKEN_HASH']},{hash_of('')}"),
        ("ALERTS_TOKEN_HASH", hash_of(config.DEFAULT_ALERTS_TOKEN)),
        ("ALERTS_TOKEN_HASH", PRODUCTION["DEPLOYMENTS_TOKEN_HASH"]),
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
        "postgresql://portal:Kx9-long-enough@db/password?application_name=portal",
        "postgresql://portal:Kx9-long-enough@[2001:db8::1]:5432/portal?sslmode=require",
        "postgresql://portal:one%3Fpassword=portal@db/portal",
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


@pytest.mark.parametrize("name", ["DEPLOYMENTS_TOKEN_HASH", "ALERTS_TOKEN_HASH"])
def test_production_demands_a_token_for_each_door(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert name in wrong(monkeypatch, {key: value for key, value in PRODUCTION.items() if key != name})


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


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"PROMETHEUS_USERNAME": "portal"}, "PROMETHEUS_PASSWORD", id="a name alone"),
        pytest.param({"PROMETHEUS_CLIENT_CERT_FILE": "/tls.crt"}, "PROMETHEUS_CLIENT_KEY_FILE", id="no key"),
        pytest.param(
            {"PROMETHEUS_BEARER_TOKEN": "geheim", "PROMETHEUS_BEARER_TOKEN_FILE": "/token"},
            "PROMETHEUS_BEARER_TOKEN_FILE",
            id="two tokens",
        ),
        pytest.param(
            {
                "PROMETHEUS_BEARER_TOKEN": "geheim",
                "PROMETHEUS_USERNAME": "portal",
                "PROMETHEUS_PASSWORD": "geheim",
            },
            "PROMETHEUS_PASSWORD",
            id="a token and a password",
        ),
    ],
)
def test_half_a_proof_and_two_proofs_for_measuring_servers_are_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: str
) -> None:
    sentence = wrong(monkeypatch, {"DATABASE_URL": "postgresql://u@db/x"} | given)

    assert sentence.startswith(f"Setting {named}: must be")
    assert "geheim" not in sentence


def test_production_sends_no_proof_to_a_measuring_server_in_the_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    servers = {"PROMETHEUS_URL": "https://one.example,http://two.example"}
    name = {"PROMETHEUS_USERNAME": "portal", "PROMETHEUS_PASSWORD": "geheim"}

    sentence = wrong(monkeypatch, PRODUCTION | servers | name)

    assert "PROMETHEUS_URL (https, where a token or a password is sent)" in sentence
    assert "geheim" not in sentence


NO_NUMBERS = [
    "",
    " ",
    "many",
    "-1",
    "1e999",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "9" * 400,
    "10**15",
    "0x10",
    "1,000",
    "\u200b5",
]
NO_ADDRESSES = [
    "abc", "://", "{scheme}://", "{scheme}://:{port}", "{scheme}://db:abc/x", "{scheme}://db:0/x", "{scheme}://db:70000/x",
    "{scheme}://db:-1/x", "{scheme}://d b/x", "{scheme}://[::1/x", '"{scheme}://db/x"', "{scheme}://d\u200bb/x",
    "{scheme}://db/\n/x", "{scheme}://db/" + "x" * 5000,
]  # fmt: skip
ADDRESSES = {
    "DATABASE_URL": "postgresql", "PUBLIC_URL": "https", "PROMETHEUS_URL": "http", "ALERTMANAGER_URLS": "http",
    "ZIBAL_URL": "https", "SMTP_URL": "smtp", "OPENAI_BASE_URL": "https", "REDIS_URL": "redis",
}  # fmt: skip
HIDDEN = ["a\u200bb", "a\u202eb", "\ufeffa", "a\0b", "a\nb", "a\u00adb", "x" * 5000]


def numeric() -> list[str]:
    fields = config.Settings.model_fields
    return [
        name.upper()
        for name, field in fields.items()
        if field.annotation in {int, float, Decimal, int | None}
    ]


def bounds(name: str) -> tuple[list[float], list[float]]:
    """The lowest and the highest values of a number."""
    limits = config.Settings.model_fields[name.lower()].metadata
    low = [getattr(limit, "ge", getattr(limit, "gt", None)) for limit in limits]
    high = [getattr(limit, "le", getattr(limit, "lt", None)) for limit in limits]
    return [each for each in low if each is not None], [each for each in high if each is not None]


@pytest.mark.parametrize("name", numeric())
def test_every_number_has_both_bounds_and_its_page_says_them(name: str) -> None:
    low, high = bounds(name)
    [row] = [
        line
        for line in (ROOT / "docs/settings.md").read_text().splitlines()
        if line.startswith(f"| `{name}` |")
    ]

    assert low
    assert high
    told = {float(found.replace(",", "")) for found in re.findall(r"[0-9][0-9,.]*[0-9]|[0-9]", row)}
    assert {float(low[0]), float(high[0])} <= told


@pytest.mark.parametrize("name", numeric())
def test_a_number_beyond_its_bounds_or_none_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _, [highest, *_] = bounds(name)
    for absurd in [*NO_NUMBERS, str(int(highest) + 1), str(10**12 + 1), str(10**15)]:
        if name == "PROXY_HOPS" and not absurd.strip():
            continue
        said = wrong(monkeypatch, {"DATABASE_URL": "postgresql://u@db/x"} | {name: absurd})
        assert said.startswith(f"Setting {name}: "), absurd


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_that_nobody_could_reach_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for absurd in NO_ADDRESSES:
        address = absurd.format(scheme=ADDRESSES[name], port=5432)
        if (
            name == "DATABASE_URL"
            and address.startswith(("postgresql://:", "postgresql://"))
            and "db" not in address
        ):
            continue  # libpq finds a server on this machine
        said = wrong(monkeypatch, {"DATABASE_URL": "postgresql://u@db/x"} | {name: address})
        assert said.startswith(f"Setting {name}: "), address


@pytest.mark.parametrize("name", [name.upper() for name in config.Settings.model_fields])
def test_a_value_that_hides_something_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for hidden in HIDDEN:
        if "\0" in hidden:
            continue  # no environment can hold it
        said = wrong(monkeypatch, {"DATABASE_URL": "postgresql://u@db/x"} | {name: hidden})
        assert said.startswith(f"Setting {name}: "), hidden


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("ZIBAL_MERCHANT", " zibal\n", "zibal"),
        ("ZIBAL_MERCHANT", "\t65c3a1 ", "65c3a1"),
        ("SESSION_IDLE_S", " 600\n", 600),
        ("REDIS_URL", " redis://:secret@cache:6379/0\n", "redis://:secret@cache:6379/0"),
        (
            "PROMETHEUS_URL",
            "http://prometheus.monitoring.svc:9090/prefix/ ",
            ("http://prometheus.monitoring.svc:9090/prefix",),
        ),
        (
            "USAGE_SELECTOR",
            ' {namespace="docuchat-prod",job=~"a|b"} ',
            '{namespace="docuchat-prod",job=~"a|b"}',
        ),
        ("SMTP_URL", "smtp://portal%40relay:p%2Fw@[::1]:25", "smtp://portal%40relay:p%2Fw@[::1]:25"),
        (
            "DATABASE_URL",
            "postgresql:///portal?host=/var/run/postgresql",
            "postgresql:///portal?host=/var/run/postgresql",
        ),
        ("DATABASE_URL", "postgres://u:p:q/r@db:5432/x", "postgres://u:p:q/r@db:5432/x"),
    ],
)
def test_spaces_around_a_value_are_left_out(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, kept: object
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@db/x")
    monkeypatch.setenv(name, value)
    config.settings.cache_clear()

    found = getattr(config.settings(), name.lower())

    assert (found.get_secret_value() if isinstance(found, SecretStr) else found) == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZIBAL_MERCHANT", '"65c3a1"'),
        ("ZIBAL_MERCHANT", "65c3a1 65c3a1"),
        ("METRICS_TOKEN", '"a-long-random-token-of-32-letters"'),
        ("METRICS_TOKEN", "توکن"),
        ("DEPLOYMENTS_CI_HOSTS", "https://ci.example.ir"),
        ("DEPLOYMENTS_CI_HOSTS", "ci.example.ir,"),
        ("DEPLOYMENTS_TOKEN_HASH", ""),
        ("DEPLOYMENTS_TOKEN_HASH", "r1tAO0u-7R0sVW0enoIvX2aZKBd6bvOD7qcWd0kOPRw"),
        ("DEPLOYMENTS_TOKEN_HASH", "A1" * 32),
        ("ALERTS_TOKEN_HASH", ",".join(map(hash_of, "abc"))),
        ("USAGE_SELECTOR", "namespace=docuchat"),
        ("USAGE_SELECTOR", 'namespace="a" job="b"'),
        ("USAGE_SELECTOR", 'job=~"("'),
        ("REDIS_URL", "redis://cache/first"),
        ("REDIS_URL", "cache:6379"),
        ("DATABASE_URL", "postgresql://u@db/x?port=abc"),
    ],
)
def test_a_value_that_would_fail_later_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert wrong(monkeypatch, {"DATABASE_URL": "postgresql://u@db/x"} | {name: value}).startswith(
        f"Setting {name}: "
    )


@pytest.mark.parametrize(
    "password", ["Kx9@x", "12/Kx9@x", "12?Kx9@x", "a:Kx9@x", "Kx9@x:1", "x@Kx9", "Kx9 x"]
)
def test_a_password_that_is_not_escaped_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://portal:{password}@db:5432/portal")
    config.settings.cache_clear()

    with pytest.raises(config.WrongSettings) as wrong:
        config.settings()
    config.settings.cache_clear()

    assert "DATABASE_URL" in str(wrong.value)
    assert "%40" in str(wrong.value)
    assert "Kx9" not in str(wrong.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///portal?host=/run/postgresql",
        "postgresql://portal:a%40%3A%2Fb@db.example:5432/portal?sslmode=require",
        "postgres://portal@[::1]:5432/portal",
        "postgresql+psycopg://db",
    ],
)
def test_every_usual_form_of_a_database_address_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    config.settings.cache_clear()

    assert config.settings().database_url.get_secret_value() == url

    config.settings.cache_clear()
