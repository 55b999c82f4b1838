"""The parsers of outside data, each with a true sample of what it reads.

A parser takes bytes, as they come from the network or a file. It returns a value of ours or raises an expected error
with a sentence in both languages; anything else is a fault.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from html.parser import HTMLParser
from typing import Any
from unittest import mock

from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseCompletedEvent
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from backend.alerts import source
from backend.alerts.detail_service import _hold_s, _points
from backend.clients.alertmanager import Alertmanager
from backend.clients.http import HTTPResponse
from backend.clients.kubernetes import Kubernetes, connect
from backend.clients.kubernetes_objects import (
    ControllerRevisionObject,
    DaemonSetObject,
    DeploymentObject,
    EventObject,
    JobObject,
    PodObject,
    ReplicaSetObject,
    StatefulSetObject,
)
from backend.clients.mail_replies import is_about_the_recipient
from backend.clients.prometheus import Prometheus
from backend.clients.zibal_answers import to_report, to_session
from backend.config import settings
from backend.deploys import from_cluster
from backend.documents.splitting_rules import chunks_of
from backend.documents.types import Document
from backend.telemetry.reading import (
    LONGEST_MODEL,
    ParsedAnswer,
    read_chat,
    read_chat_text,
    read_embeddings,
    read_response_event,
    read_response_text,
)
from backend.telemetry.told_usage import MOST_TOKENS
from backend.usage.metering.labels import LONGEST_TENANT_BYTES, is_storable, with_storable_labels
from portal.http import alerts as alert_door
from portal.http import deployments
from portal.http.doors import PROBLEMS, Door, _RefusedError
from runbooks.rendering import to_html
from tests.fuzz import samples
from tests.fuzz.answering import Answer, answering
from tests.fuzz.hostile import bodies, written
from tests.production import PRODUCTION

NOW = datetime(2022, 11, 22, tzinfo=UTC)
Read = Callable[[bytes], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """A parser, what is fed to it, and a true sample, which it must read."""

    read: Read
    fed: st.SearchStrategy[bytes]
    sample: bytes


def of_json(read: Read, sample: object) -> Parser:
    """A parser of JSON that is fed what is nearly the sample."""
    return Parser(read=read, fed=bodies(sample), sample=written(sample))


@contextmanager
def parsers() -> Iterator[dict[str, Parser]]:
    """Every parser by its name, with the servers that the clients among them ask."""
    with ExitStack() as stack:
        stack.enter_context(_settings())
        server = stack.enter_context(answering())
        made = {**_of_the_bank(), **_of_models(), **_of_doors(), **_of_pages(), **_of_labels(), **_of_mail()}
        made |= (
            _of_prometheus(stack, server) | _of_alertmanager(stack, server) | _of_kubernetes(stack, server)
        )
        yield made


@contextmanager
def _settings() -> Iterator[None]:
    """The settings of a production: texts of people are read with its own secrets blacked out."""
    with mock.patch.dict(os.environ, PRODUCTION):
        settings.cache_clear()
        try:
            yield
        finally:
            settings.cache_clear()


def _of_the_bank() -> dict[str, Parser]:
    def answer(body: bytes) -> dict[str, Any]:
        return HTTPResponse(service="zibal", status=200, body=body).json_object()

    return {
        "gateway: session": of_json(lambda body: to_session(answer(body)), samples.SESSION),
        "gateway: report": of_json(lambda body: to_report(answer(body)), samples.REPORT),
    }


def _of_models() -> dict[str, Parser]:
    """The usage that providers tell with their answers: whole and as text, as chunks and events, and of embeddings."""

    def parser(sample: object, read: Callable[[bytes], ParsedAnswer]) -> Parser:
        return of_json(lambda body: _countable(read, body), sample)

    def built(read: Callable[[Any], ParsedAnswer], kind: Any) -> Callable[[bytes], ParsedAnswer]:
        """As the SDK builds an answer: it validates nothing."""

        def of_body(body: bytes) -> ParsedAnswer:
            try:
                told = json.loads(body.decode("utf-8", "replace"))
            except (RecursionError, ValueError):
                told = None  # the SDK refuses it itself
            return read(kind.construct(**told if isinstance(told, dict) else {}))

        return of_body

    return {
        "models: chat": parser(samples.CHAT, lambda body: read_chat_text(body.decode("utf-8", "replace"))),
        "models: chunk": parser(samples.CHAT, built(read_chat, ChatCompletionChunk)),
        "models: response": parser(
            samples.RESPONSE, lambda body: read_response_text(body.decode("utf-8", "replace"))
        ),
        "models: event": parser(
            {"type": "response.completed", "response": samples.RESPONSE},
            built(read_response_event, ResponseCompletedEvent),
        ),
        "models: embeddings": parser(samples.EMBEDDINGS, built(read_embeddings, CreateEmbeddingResponse)),
    }


def _countable(read: Callable[[bytes], ParsedAnswer], body: bytes) -> object:
    """What is counted of an answer: never less than nothing, never more than any model gives."""
    try:
        answer = read(body)
    except json.JSONDecodeError:
        return "no answer: the SDK's caller is told so"
    usage = answer.usage
    counts = usage.by_type().values() if usage else ()
    assert all(0 <= count <= 3 * MOST_TOKENS for count in counts)
    assert len(answer.model) <= LONGEST_MODEL
    return answer, usage


def _of_mail() -> dict[str, Parser]:
    def read(body: bytes) -> object:
        code, _, reply = body.decode("utf-8", "replace").partition(" ")
        return str(is_about_the_recipient(int(code) if code.isascii() and code.isdigit() else 0, reply))

    words = [
        "5.1.1",
        "5.4.1",
        " user",
        " unknown",
        " does not exist",
        "5.",
        "1.",
        "\n",
        "mailbox ",
        "x" * 500,
    ]
    replies = st.lists(st.sampled_from(words) | st.text(max_size=10), max_size=30).map("".join)
    fed = st.tuples(st.sampled_from(["550", "552", "421", "0"]), replies).map(" ".join)
    return {
        "mail: refusals": Parser(
            read=read,
            fed=fed.map(lambda text: text.encode("utf-8", "replace")),
            sample=b"550 5.1.1 user unknown",
        )
    }


def _of_doors() -> dict[str, Parser]:
    def read(door: Door[Any], body: bytes) -> object:
        try:
            posted = door._read(body)
        except _RefusedError as refused:
            return PROBLEMS[refused.problem.code], refused.problem
        return deployments.to_new(posted) if door is deployments.DOOR else posted

    return {
        "door: alerts": of_json(lambda body: read(alert_door.DOOR, body), samples.WEBHOOK),
        "door: deployments": of_json(lambda body: read(deployments.DOOR, body), samples.DEPLOYMENT),
    }


def _of_prometheus(stack: ExitStack, server: Answer) -> dict[str, Parser]:
    client = Prometheus(server.url, 10)
    stack.callback(client.close)

    def parser(sample: object, ask: Callable[[], object]) -> Parser:
        return of_json(lambda body: _told(server, body, ask), samples.success(sample))

    return {
        "prometheus: vector": parser(
            samples.VECTOR, lambda: [float(row["value"][1]) for row in client.instant("up", 0)]
        ),
        "prometheus: samples": parser(samples.MATRIX, lambda: client.ranges("up[1m]", 0)),
        "prometheus: matrix": parser(
            samples.MATRIX,
            lambda: [_points(each["values"], NOW, 15) for each in client.matrix("up", 0, 60_000, 15)],
        ),
        "prometheus: labels": parser(["acme", "beta"], lambda: client.label_values("tenant", "up", 0, 1)),
        "prometheus: rules": parser(samples.RULES, lambda: [*map(_hold_s, client.alerting_rules())]),
    }


def _of_alertmanager(stack: ExitStack, server: Answer) -> dict[str, Parser]:
    client = Alertmanager(server.url, 10)
    stack.callback(client.close)

    def parser(sample: object, ask: Callable[[], object]) -> Parser:
        return of_json(lambda body: _told(server, body, ask), sample)

    return {
        "alertmanager: alerts": parser(samples.ALERTS, lambda: [*map(source.to_alert, client.alerts())]),
        "alertmanager: silences": parser(
            samples.SILENCES, lambda: [*map(source.to_silence, client.silences())]
        ),
        "alertmanager: status": parser(samples.STATUS, client.started_at),
    }


def _told(server: Answer, body: bytes, ask: Callable[[], object]) -> object:
    server.body = body
    return ask()


KINDS: dict[str, tuple[Any, Callable[[Any], object], dict[str, Any]]] = {
    "deployments": (DeploymentObject, from_cluster.to_workload, samples.WORKLOAD),
    "statefulsets": (StatefulSetObject, from_cluster.to_workload, samples.WORKLOAD),
    "daemonsets": (DaemonSetObject, from_cluster.to_workload, samples.WORKLOAD),
    "replicasets": (ReplicaSetObject, from_cluster.to_replica_set, samples.WORKLOAD),
    "revisions": (ControllerRevisionObject, from_cluster.to_controller_revision, samples.CONTROLLER_REVISION),
    "pods": (PodObject, from_cluster.to_pod, samples.POD),
    "events": (EventObject, from_cluster.to_event, samples.EVENT),
    "jobs": (JobObject, from_cluster.to_job, samples.JOB),
}


def _of_kubernetes(stack: ExitStack, server: Answer) -> dict[str, Parser]:
    client = connect(samples.kubeconfig(server.url), 10)
    stack.callback(client.close)
    return {
        f"kubernetes: {name}": of_json(
            partial(_listed, client, server, kind, to_ours), samples.listed(sample)
        )
        for name, (kind, to_ours, sample) in KINDS.items()
    }


def _listed(
    client: Kubernetes, server: Answer, kind: Any, to_ours: Callable[[Any], object], body: bytes
) -> object:
    server.body = body
    listed = client.run(client.list_objects(kind, "docuchat"))
    return [to_ours(each) for each in listed.items]


def _of_labels() -> dict[str, Parser]:
    def read(body: bytes) -> object:
        tenant, model, kind = [*body.decode("utf-8", "surrogateescape").split("|"), "", ""][:3]
        [(told, *_)] = with_storable_labels({(tenant, model, kind): 1})
        assert is_storable(told, LONGEST_TENANT_BYTES)
        return told

    def exposed(body: bytes) -> object:
        label = body.decode("utf-8", "replace")
        registry = CollectorRegistry()
        Counter("asked", "Questions.", ["tenant"], registry=registry).labels(label).inc()
        text = generate_latest(registry).decode()
        told = [
            each.labels["tenant"]
            for family in text_string_to_metric_families(text)
            for each in family.samples
        ]
        assert set(told) == {label}
        return told

    texts = st.text(max_size=30).map(lambda text: text.encode("utf-8", "replace"))
    long = st.text(min_size=200, max_size=600).map(str.encode)
    return {
        "metrics: labels that are stored": Parser(read=read, fed=texts | long, sample=b"acme|gpt-4o|prompt"),
        "metrics: labels that are exposed": Parser(read=exposed, fed=texts, sample=b"acme"),
    }


class _Hostile(HTMLParser):
    """Notes whatever a browser would run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or (name in {"href", "src"} and not (value or "").startswith("/")):
                self.found.append(f"{tag} {name}={value}")
        if tag in {"script", "style", "iframe", "img", "svg", "form", "input", "object", "link", "meta"}:
            self.found.append(tag)


def _of_pages() -> dict[str, Parser]:
    def render(body: bytes) -> object:
        shown = to_html(body.decode("utf-8", "replace"))
        reader = _Hostile()
        reader.feed(shown)
        assert reader.found == []
        return shown

    def split(body: bytes) -> object:
        text = body.decode("utf-8", "replace")
        chunks = chunks_of(Document(name="x", lang="en", title="x", markdown=text))
        assert (
            sum(len(line.text) + len(line.code) for each in chunks for line in each.lines)
            <= 2 * len(text) + 10
        )
        return chunks

    pieces = st.lists(st.sampled_from(samples.MARKDOWN) | st.text(max_size=12), max_size=25)
    repeated = st.tuples(st.sampled_from(samples.MARKDOWN), st.integers(1, 2000)).map(
        lambda drawn: drawn[0] * drawn[1]
    )
    fed = (pieces.map("".join) | repeated).map(lambda text: text.encode("utf-8", "replace"))
    return {
        "markdown: shown": Parser(read=render, fed=fed, sample=b"# Title"),
        "markdown: split": Parser(read=split, fed=fed, sample=b"# Title\n\nA paragraph."),
    }


def largest(body: bytes) -> int:
    """How large what a parser makes may be: in the order of what it was fed."""
    return 200 * len(body) + 50_000


def size_of(value: object) -> int:
    """The size of a value, as it would be written down."""
    return len(repr(value)) if not isinstance(value, dict) else len(json.dumps(value, default=repr))
