"""Where a request came from, whatever it claims."""

import pytest

from backend.accounts.rules import address_group
from portal.http.client_address import client_address

PEER = "10.0.0.1"


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        pytest.param(0, ["203.0.113.9"], PEER, id="no proxy is trusted"),
        pytest.param(1, ["203.0.113.9"], "203.0.113.9", id="one proxy"),
        pytest.param(1, ["6.6.6.6, 203.0.113.9"], "203.0.113.9", id="a claim in front"),
        pytest.param(1, ["6.6.6.6", "203.0.113.9"], "203.0.113.9", id="a claim in a line of its own"),
        pytest.param(2, ["6.6.6.6", "203.0.113.9", "10.0.0.2"], "203.0.113.9", id="two proxies"),
        pytest.param(2, ["203.0.113.9"], PEER, id="past the proxies"),
        pytest.param(1, [], PEER, id="nothing forwarded"),
        pytest.param(1, [","], PEER, id="only a comma"),
        pytest.param(1, ["203.0.113.51:40001"], "203.0.113.51", id="with a port"),
        pytest.param(1, ["[2001:db8::7]:40001"], "2001:db8::7", id="IPv6 with a port"),
        pytest.param(1, ["[2001:db8::7]"], "2001:db8::7", id="IPv6 in brackets"),
        pytest.param(1, ['"[2001:db8::7]:1"'], "2001:db8::7", id="in quotation marks"),
        pytest.param(1, ["2001:DB8:0::7"], "2001:db8::7", id="IPv6 in another spelling"),
        pytest.param(1, ["fe80::1%eth0"], "fe80::1", id="with a zone"),
        pytest.param(1, ["::ffff:203.0.113.9"], "203.0.113.9", id="IPv4 as IPv6"),
        pytest.param(1, ["unknown"], PEER, id="a word"),
        pytest.param(1, ["203.0.113.9:port"], PEER, id="a port that is none"),
        pytest.param(1, ["x" * 10_000], PEER, id="a long word"),
        pytest.param(1, ["6.6.6.6," * 1_000 + "203.0.113.9"], "203.0.113.9", id="many hops"),
    ],
)
def test_the_address_is_what_the_outermost_trusted_proxy_saw(
    hops: int, forwarded: list[str], expected: str
) -> None:
    assert client_address(forwarded, peer=PEER, hops=hops) == expected


def test_another_port_is_no_other_client() -> None:
    ports = [f"203.0.113.51:{port}" for port in (40_001, 40_002)] + ["203.0.113.51"]

    assert len({address_group(client_address([word], peer=PEER, hops=1)) for word in ports}) == 1
