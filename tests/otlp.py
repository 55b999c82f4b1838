"""A collector of OpenTelemetry on a port: it takes what processes send by OTLP over HTTP, and shows it."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backend.sandbox.processes import free_port
from backend.sandbox.serving import serving
from tests.waiting import until


@dataclass(slots=True)
class Collector:
    """What came so far. ``answers`` is the status that it answers with."""

    url: str = ""
    answers: int = 200
    bodies: list[bytes] = field(default_factory=list)
    asked: int = 0

    async def take(self, request: Request) -> Response:
        body = await request.body()
        self.asked += 1
        if self.answers == 200:
            packed = request.headers.get("content-encoding") == "gzip"
            self.bodies.append(gzip.decompress(body) if packed else body)
        return Response(
            ExportTraceServiceResponse().SerializeToString(),
            self.answers,
            media_type="application/x-protobuf",
        )

    def spans(self) -> dict[str, list[Span]]:
        """Every span by its name."""
        found: dict[str, list[Span]] = {}
        for body in list(self.bodies):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        found.setdefault(span.name, []).append(span)
        return found

    def wait_for(self, name: str) -> Span:
        """The first span of this name."""
        until(lambda: name in self.spans())
        return self.spans()[name][0]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector for the block."""
    collector = Collector()
    app = Starlette(routes=[Route("/v1/traces", collector.take, methods=["POST"])])
    with serving(app, free_port()) as url:
        collector.url = url
        yield collector


def attributes(span: Span) -> dict[str, str | int]:
    """What a span tells besides its name and times."""
    values = {each.key: each.value for each in span.attributes}
    return {key: value.string_value or value.int_value for key, value in values.items()}
