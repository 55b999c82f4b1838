"""Measuring servers that want a proof of who asks, over real TLS: whom we trust, what we send, and what we say."""

import base64
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from backend.clients.prometheus import Prometheus
from backend.clients.prometheus_access import PrometheusAccess
from backend.clients.prometheus_answers import REASONS
from backend.clients.prometheus_servers import close_all, each_server, prometheus
from backend.config import UsageSettings
from backend.errors import Unavailable
from backend.i18n.catalog import has, text
from backend.i18n.errors import error_text
from tests.integration.usage.certificates import Authority, server_tls
from tests.integration.usage.stand_in import WHOLE, StandIn, serving

SECRETS = {"token": "tok-1234567890", "password": "pass-1234567890"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("trusted") / "ca")


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("others") / "ca")


@pytest.fixture
def encrypted(authority: Authority) -> Iterator[StandIn]:
    with serving(server_tls(authority.issue("server"))) as server:
        yield server


def cause_of(server: StandIn | str, access: PrometheusAccess) -> str:
    """Ask once; the cause of the failure."""
    url = server if isinstance(server, str) else server.url
    with Prometheus(url, 5, access) as client, pytest.raises(Unavailable) as failure:
        client.instant("up", 1)
    assert failure.value.data["server"]
    assert not any(secret in str(failure.value) for secret in SECRETS.values())
    return str(failure.value.data["cause"])


@pytest.mark.parametrize(
    ("access", "sent"),
    [
        pytest.param({"token": SECRETS["token"]}, f"Bearer {SECRETS['token']}", id="token"),
        pytest.param(
            {"username": "portal", "password": SECRETS["password"]},
            "Basic " + base64.b64encode(f"portal:{SECRETS['password']}".encode()).decode(),
            id="name and password",
        ),
    ],
)
def test_every_question_carries_the_proof_and_the_headers(
    access: dict[str, str], sent: str, stand_in: StandIn
) -> None:
    known = PrometheusAccess(**access, headers=(("X-Scope-OrgID", "docuchat"), ("X-Team", "billing")))

    with Prometheus(stand_in.url, 5, known) as client:
        client.instant("up", 1)
        stand_in.reply = lambda: (200, orjson.dumps({"status": "success", "data": []}))
        client.label_values("tenant", "up", 1, 2)

    assert [each["authorization"] for each in stand_in.headers] == [sent, sent]
    assert {(each["x-scope-orgid"], each["x-team"]) for each in stand_in.headers} == {("docuchat", "billing")}


def test_a_token_that_was_replaced_in_its_file_is_sent_at_once(stand_in: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")

    with Prometheus(stand_in.url, 5, PrometheusAccess(token_file=str(file))) as client:
        client.instant("up", 1)
        file.write_text("second\n")
        client.instant("up", 1)

    assert [each["authorization"] for each in stand_in.headers] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("content", [None, "", " \n", "two words", "zwei\nzeilen", "تُکِن"], ids=repr)
def test_without_a_token_in_its_file_nothing_is_asked(
    content: str | None, stand_in: StandIn, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)

    assert cause_of(stand_in, PrometheusAccess(token_file=str(file))) == "token_file"
    assert stand_in.asked == []


def test_a_redirect_is_never_followed_with_credentials(stand_in: StandIn) -> None:
    with serving() as elsewhere:
        stand_in.location = f"{elsewhere.url}/api/v1/query"
        stand_in.reply = lambda: (307, b"")

        assert cause_of(stand_in, PrometheusAccess(token=SECRETS["token"])) == "redirect"
        assert elsewhere.asked == []


def test_a_path_before_the_api_is_kept(stand_in: StandIn) -> None:
    with Prometheus(f"{stand_in.url}/select/0/prometheus", 5) as client:
        client.instant("up", 1)

    assert stand_in.asked[0][1] == "/select/0/prometheus/api/v1/query"


def test_the_own_authority_is_trusted_and_no_other(
    authority: Authority, other_authority: Authority, encrypted: StandIn
) -> None:
    with Prometheus(encrypted.url, 5, PrometheusAccess(ca_file=str(authority.file))) as client:
        assert client.instant("up", 1) == WHOLE["data"]["result"]

    assert cause_of(encrypted, PrometheusAccess(ca_file=str(other_authority.file))) == "certificate"
    assert cause_of(encrypted, PrometheusAccess(token=SECRETS["token"])) == "certificate"
    assert len(encrypted.asked) == 1


def test_a_certificate_that_has_expired_is_told_apart(authority: Authority) -> None:
    with serving(server_tls(authority.issue("expired", is_expired=True))) as server:
        assert cause_of(server, PrometheusAccess(ca_file=str(authority.file))) == "certificate_expired"


def test_a_certificate_for_another_name_is_told_apart(authority: Authority) -> None:
    with serving(server_tls(authority.issue("elsewhere", "DNS:prometheus.example"))) as server:
        assert cause_of(server, PrometheusAccess(ca_file=str(authority.file))) == "certificate_name"


def test_a_server_that_wants_our_certificate_gets_it(
    authority: Authority, other_authority: Authority
) -> None:
    ours, foreign = authority.issue("portal"), other_authority.issue("stranger")
    trusted = str(authority.file)

    with serving(server_tls(authority.issue("strict"), authority)) as server:
        shown = PrometheusAccess(ca_file=trusted, cert_file=str(ours.certificate), key_file=str(ours.key))
        with Prometheus(server.url, 5, shown) as client:
            assert client.instant("up", 1)
        assert cause_of(server, PrometheusAccess(ca_file=trusted)) == "client_certificate"
        wrong = PrometheusAccess(
            ca_file=trusted, cert_file=str(foreign.certificate), key_file=str(foreign.key)
        )
        assert cause_of(server, wrong) == "client_certificate"


def test_encryption_that_a_server_does_not_speak_is_told_apart(stand_in: StandIn) -> None:
    assert cause_of(stand_in.url.replace("http:", "https:"), PrometheusAccess()) == "encryption"


def test_a_file_that_holds_no_certificate_is_a_failure_in_words(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text("no certificate")

    with pytest.raises(Unavailable) as failure:
        Prometheus("https://127.0.0.1:9", 5, PrometheusAccess(ca_file=str(file)))

    assert failure.value.key == "error.unavailable.prometheus_certificate_file"


def test_a_renewed_certificate_is_noticed_without_a_restart(
    authority: Authority, other_authority: Authority, encrypted: StandIn, tmp_path: Path
) -> None:
    file = tmp_path / "ca.crt"
    file.write_bytes(other_authority.file.read_bytes())
    given = UsageSettings(prometheus_url=(encrypted.url,), prometheus_ca_file=str(file))
    with pytest.raises(Unavailable, match="certificate"):
        prometheus(given).instant("up", 1)

    file.unlink()
    file.write_bytes(authority.file.read_bytes())

    assert prometheus(given).instant("up", 1)
    close_all()


def test_each_of_several_servers_gets_the_token_of_its_own_file(stand_in: StandIn, tmp_path: Path) -> None:
    files = [tmp_path / "first", tmp_path / "second"]
    for file in files:
        file.write_text(file.name)

    with serving() as other:
        given = UsageSettings(
            prometheus_url=(stand_in.url, other.url),
            prometheus_bearer_token_file=tuple(map(str, files)),
        )
        for server in each_server(given):
            server.instant("up", 1)
        close_all()
        sent = [each.headers[0]["authorization"] for each in (stand_in, other)]

    assert sent == ["Bearer first", "Bearer second"]


def test_no_secret_is_in_a_representation() -> None:
    access = PrometheusAccess(
        token=SECRETS["token"],
        password=SECRETS["password"],
        username="portal",
        headers=(("X-Key", "key-1234567890"),),
    )
    given = UsageSettings(
        prometheus_url=("https://a.test",),
        prometheus_username="portal",
        prometheus_password=SECRETS["password"],
        prometheus_headers="X-Key=key-1234567890",
    )

    shown = (
        repr(access) + str(access) + repr(given) + str(given) + repr(Prometheus("https://a.test", 5, access))
    )

    assert "1234567890" not in shown


@pytest.mark.parametrize("cause", sorted(REASONS))
def test_every_cause_has_its_own_sentence_and_its_words_on_the_tile(cause: str) -> None:
    error = Unavailable(service="prometheus", cause=cause, reason=REASONS[cause], server="a.test")

    for lang in ("fa", "en"):
        assert error_text(error, lang) not in {
            text("error.unavailable.prometheus", lang),
            text("error.unavailable", lang) if has("error.unavailable") else "",
        }
    assert has(f"overview.cause.{cause}")
