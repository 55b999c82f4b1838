"""The client of Prometheus against servers that misbehave: a part of the truth is no answer."""

import time
from collections.abc import Iterator

import httpx
import orjson
import pytest

from backend.clients.prometheus import Prometheus
from backend.clients.prometheus_access import PrometheusAccess
from backend.db.engine import transaction
from backend.errors import Unavailable
from tests.integration.usage.stand_in import WHOLE, Reply, StandIn

UNREADABLE = [
    None,
    [],
    {},
    {"result": None},
    {"result": {}},
    *(
        {"result": [row]}
        for row in (
            None,
            {"metric": None, "value": [1, "1"]},
            {"metric": {"instance": None}, "value": [1, "1"]},
            {"value": [1, "1"]},
            {"metric": {}},
            {"metric": {}, "value": None},
            {"metric": {}, "value": [1]},
            {"metric": {}, "value": [None, "1"]},
            {"metric": {}, "value": [1, None]},
            {"metric": {}, "value": [1, 1]},
            {"metric": {}, "values": [[1, "1"]]},
        )
    ),
]


@pytest.fixture
def client(stand_in: StandIn) -> Iterator[Prometheus]:
    with Prometheus(stand_in.url, 2) as found:
        yield found


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        pytest.param({**WHOLE, "warnings": ["a store is missing"]}, "partial", id="warning"),
        pytest.param({**WHOLE, "infos": ["Partial response"]}, "partial", id="partial info"),
        pytest.param({**WHOLE, "isPartial": True}, "partial", id="partial flag"),
        pytest.param({"status": "success"}, "partial", id="no data"),
        pytest.param({"status": "error", "error": "too many samples"}, "refused", id="error"),
        pytest.param(["no object"], "unreadable", id="not an object"),
        pytest.param({**WHOLE, "infos": [None], "warnings": "x"}, "partial", id="a warning that is no list"),
        *(
            pytest.param({"status": "success", "data": data}, "unreadable", id=f"unreadable {number}")
            for number, data in enumerate(UNREADABLE)
        ),
    ],
)
def test_an_answer_that_is_not_whole_is_a_failure(
    told: object, cause: str, stand_in: StandIn, client: Prometheus
) -> None:
    stand_in.reply = lambda: (200, orjson.dumps(told))

    with pytest.raises(Unavailable) as failure:
        client.instant("up", 1)

    assert failure.value.data["cause"] == cause
    assert failure.value.data["service"] == "prometheus"


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        pytest.param((401, b""), "unauthorized", id="no credentials"),
        pytest.param((401, b"<html>sign in</html>"), "unauthorized", id="no credentials, with a page"),
        pytest.param((403, b'{"status":"error","error":"no access"}'), "forbidden", id="no access"),
        pytest.param((200, b"<!DOCTYPE html>\n<HTML><form>Sign in"), "login_page", id="a page to sign in"),
        pytest.param((200, b"pong"), "not_json", id="another service"),
        pytest.param((502, b"<html>bad gateway</html>"), "not_json", id="a proxy's page"),
        pytest.param((404, b"404 page not found"), "not_json", id="a path that it does not have"),
        pytest.param((429, b"too many"), "rate_limit", id="too many questions"),
        pytest.param((422, orjson.dumps({"status": "error", "error": "x"})), "refused", id="refused"),
        pytest.param((503, orjson.dumps(WHOLE)), "refused", id="a success that is none"),
        pytest.param((302, orjson.dumps(WHOLE)), "redirect", id="a redirect"),
    ],
)
def test_a_status_that_is_no_success_is_a_failure(
    reply: Reply, cause: str, stand_in: StandIn, client: Prometheus
) -> None:
    stand_in.reply = lambda: reply

    with pytest.raises(Unavailable) as failure:
        client.instant("up", 1)

    assert failure.value.data["cause"] == cause


@pytest.mark.parametrize(
    ("status", "told"),
    [
        pytest.param(
            422,
            "expanding series: the query exceeded the maximum number of series (limit: 3 series)"
            " (err-mimir-max-series-per-query). To adjust the related per-tenant limit, configure"
            " -querier.max-fetched-series-per-query, or contact your service administrator.",
            id="Mimir, series",
        ),
        pytest.param(
            422,
            "the query time range exceeds the limit (query length: 32h0m0s, limit: 24h0m0s)"
            " (err-mimir-max-query-length). To adjust the related per-tenant limit, configure"
            " -querier.max-partial-query-length, or contact your service administrator.",
            id="Mimir, length of a range",
        ),
        pytest.param(
            422, "the query hit the max number of series limit (limit: 1 series)", id="Cortex, series"
        ),
        pytest.param(
            422,
            "expanding series: proxy Series(): exceeded series limit: limit 1 violated (got 2)",
            id="Thanos",
        ),
        pytest.param(
            422,
            "query processing would load too many samples into memory in query execution",
            id="Prometheus, samples",
        ),
        pytest.param(
            422,
            "too long query; got 24011 bytes; mustn't exceed `-search.maxQueryLen=16384` bytes",
            id="VictoriaMetrics, length of a query",
        ),
        pytest.param(
            422,
            "cannot select more than -search.maxSamplesPerQuery=1000 samples; possible solutions: increase it",
            id="VictoriaMetrics, samples",
        ),
    ],
)
def test_a_limit_of_a_server_is_told_apart_with_its_words(
    status: int, told: str, stand_in: StandIn, client: Prometheus
) -> None:
    refusal = {"status": "error", "errorType": "execution", "error": told}
    stand_in.reply = lambda: (status, orjson.dumps(refusal))

    with pytest.raises(Unavailable) as failure:
        client.instant("up", 1)

    assert (failure.value.data["cause"], failure.value.data["detail"]) == ("limit", told[:300])


@pytest.mark.parametrize(("merges", "told"), [(False, "false"), (True, "true")], ids=["a bill", "a page"])
def test_no_part_and_no_average_is_asked_for_and_copies_are_merged_for_pages_alone(
    merges: bool, told: str, stand_in: StandIn
) -> None:
    with Prometheus(stand_in.url, 2, merges_replicas=merges) as client:
        client.instant("up", 1)

    ((_, _, fields, _),) = stand_in.asked
    assert fields["partial_response"] == ["false"]
    assert fields["deny_partial_response"] == ["1"]
    assert fields["max_source_resolution"] == ["0s"]
    assert fields["nocache"] == ["1"]
    assert fields["dedup"] == [told]


@pytest.mark.parametrize(
    ("status", "metrics", "expected_ms"),
    [
        pytest.param(
            200,
            b'flag{name="dedup.minScrapeInterval", value="1m0.5s", is_set="true"} 1',
            60_500,
            id="a minute",
        ),
        pytest.param(
            200, b'x 1\nflag{name="dedup.minScrapeInterval",value="250ms"} 1\ny 2', 250, id="without spaces"
        ),
        pytest.param(
            200, b'flag{name="dedup.minScrapeInterval", value="0s", is_set="false"} 1', None, id="off"
        ),
        pytest.param(200, b'flag{name="dedup.minScrapeInterval", value="soon"} 1', None, id="no duration"),
        pytest.param(200, b"up 1", None, id="another server"),
        pytest.param(401, b'flag{name="dedup.minScrapeInterval", value="1m"} 1', None, id="not for us"),
    ],
)
def test_the_distance_below_which_samples_are_dropped(
    status: int, metrics: bytes, expected_ms: int | None, stand_in: StandIn
) -> None:
    stand_in.reply = lambda: (status, metrics)

    with Prometheus(f"{stand_in.url}/select/0/prometheus", 2) as client:
        assert client.shortest_distance_ms() == expected_ms

    assert stand_in.asked[0][:2] == ("GET", "/metrics")


@pytest.mark.parametrize(
    "values",
    [None, "1", [None], [[1, None]], [[1]], [[1, "many"]], [[1, "+Inf"]], [[1, "1"], [None, "1"]]],
    ids=str,
)
def test_raw_samples_that_are_no_numbers_are_a_failure(
    values: object, stand_in: StandIn, client: Prometheus
) -> None:
    answer = {"status": "success", "data": {"result": [{"metric": {}, "values": values}]}}
    stand_in.reply = lambda: (200, orjson.dumps(answer))

    with pytest.raises(Unavailable, match="unreadable"):
        client.ranges("up[1h]", 1)


def test_marks_of_ended_series_are_no_samples(stand_in: StandIn, client: Prometheus) -> None:
    ended = {"metric": {"pod": "a"}, "values": [[1, "5"], [2, "NaN"], [3, "5"]]}
    only_marks = {"metric": {"pod": "b"}, "values": [[1, "NaN"]]}
    answer = {"status": "success", "data": {"result": [ended, only_marks]}}
    stand_in.reply = lambda: (200, orjson.dumps(answer))

    assert client.ranges("up[1h]", 1) == [{"metric": {"pod": "a"}, "values": [[1, "5"], [3, "5"]]}]


@pytest.mark.parametrize("data", [None, {}, [None], ["a", 1], "abc"], ids=str)
def test_label_values_that_are_no_texts_are_a_failure(
    data: object, stand_in: StandIn, client: Prometheus
) -> None:
    stand_in.reply = lambda: (200, orjson.dumps({"status": "success", "data": data}))

    with pytest.raises(Unavailable, match="unreadable"):
        client.label_values("tenant", "up", 1, 2)


def test_harmless_infos_are_no_failure(stand_in: StandIn, client: Prometheus) -> None:
    stand_in.reply = lambda: (200, orjson.dumps({**WHOLE, "infos": ["metric might not be a counter"]}))

    assert client.instant("up", 1) == WHOLE["data"]["result"]


def test_the_query_travels_in_the_body_with_exact_times_and_gzip(
    stand_in: StandIn, client: Prometheus
) -> None:
    client.instant('x{tenant="شرکت & co"}', 1_795_000_000_123)

    ((method, path, fields, encoding),) = stand_in.asked
    assert (method, path) == ("POST", "/api/v1/query")
    assert fields["query"] == ['x{tenant="شرکت & co"}']
    assert fields["time"] == ["1795000000.123"]
    assert "gzip" in encoding


def test_an_answer_that_only_drips_is_given_up_in_time(stand_in: StandIn) -> None:
    stand_in.drip_s = 0.1
    began = time.monotonic()

    with Prometheus(stand_in.url, 0.6) as client, pytest.raises(Unavailable) as failure:
        client.instant("up", 1)

    assert failure.value.data["cause"] == "timeout"
    assert time.monotonic() - began < 3


def test_a_server_that_is_gone_is_unavailable() -> None:
    with Prometheus("http://127.0.0.1:1", 1) as client, pytest.raises(Unavailable) as failure:
        client.instant("up", 1)

    assert failure.value.data["cause"] == "connection"


def test_nothing_is_asked_while_a_transaction_is_open(
    database: str, stand_in: StandIn, client: Prometheus
) -> None:
    with transaction(), pytest.raises(RuntimeError):
        client.instant("up", 1)

    assert stand_in.asked == []


def test_label_values_are_asked_for_by_get_because_nothing_else_is_answered(nights_url: str) -> None:
    """Should this fail one day, the selector may travel in the body like every query."""
    path = "/api/v1/label/tenant/values"

    with Prometheus(nights_url, 10) as client:
        values = client.label_values("tenant", 'openai_tokens_total{scenario="steady"}', 0, 2 * 10**12)

    assert values == ["tenant-a"]
    assert httpx.post(f"{nights_url}{path}", data={"match[]": "up"}).status_code == 405
    for known in ("/api/v1/series", "/api/v1/labels"):
        assert httpx.post(f"{nights_url}{known}", data={"match[]": "up"}).is_success


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        pytest.param("", "/metrics", id="the root"),
        pytest.param("/select/0/prometheus", "/metrics", id="a cluster of VictoriaMetrics"),
        pytest.param("/vm/select/1:2/prometheus/", "/vm/metrics", id="a cluster below a prefix"),
        pytest.param("/team-a/prometheus", "/team-a/prometheus/metrics", id="a shared ingress"),
    ],
)
def test_the_token_never_leaves_the_path_of_the_server(path: str, asked: str, stand_in: StandIn) -> None:
    stand_in.reply = lambda: (200, b"up 1")

    with Prometheus(f"{stand_in.url}{path}", 2, PrometheusAccess(token="t")) as client:
        client.shortest_distance_ms()

    [(_, path_asked, _, _)] = stand_in.asked
    [headers] = stand_in.headers
    assert (path_asked, headers["authorization"]) == (asked, "Bearer t")


def test_a_server_that_does_not_tell_its_settings_is_no_failure(stand_in: StandIn) -> None:
    stand_in.drip_s = 0.2

    with Prometheus(stand_in.url, 0.3) as client:
        assert client.shortest_distance_ms() is None
