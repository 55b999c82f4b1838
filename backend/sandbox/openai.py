"""A server that speaks the OpenAI API: `python -m backend.sandbox.openai --port N`.

Chat completions and responses, whole and streamed, and embeddings, with usage that follows from the input alone.
Beside the vendor's paths it has its own: `POST` or `DELETE /sandbox/faults` (see `openai_faults.Fault`), and
`GET /sandbox/ledger`, the tokens it really answered, by `safety_identifier` or `user`, model and type, and the
newest keys and request that it was asked with. `openai_keys` has the keys and the Admin API.
"""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from uuid import uuid4

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from backend.sandbox import openai_wire as wire
from backend.sandbox.openai_alerts import wants_wording, wording
from backend.sandbox.openai_answers import answer_from_lines, wants_answer
from backend.sandbox.openai_faults import Ledger, ModelRequest, OpenAIFault, OpenAIFaultKind
from backend.sandbox.openai_keys import KeyRing
from backend.sandbox.openai_wire import JSON, RefusalError
from backend.sandbox.openai_words import Completion, answer_to, count_tokens, packed, texts_of, vector

_ERRORS = {
    OpenAIFaultKind.BAD_REQUEST: ("Invalid value in the request.", "invalid_request_error", "invalid_value"),
    # The vendor shows a part of the key, and so does this.
    OpenAIFaultKind.KEY_REFUSED: (
        "Incorrect API key provided: sk-sand****box.",
        "invalid_request_error",
        "invalid_api_key",
    ),
    OpenAIFaultKind.RATE_LIMITED: ("Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    OpenAIFaultKind.BROKEN: ("The server had an error while processing your request.", "server_error", None),
    OpenAIFaultKind.OVERLOADED: ("The engine is currently overloaded.", "server_error", None),
}
_VECTOR_SIZES = {"text-embedding-3-large": 3072, "text-embedding-3-small": 1536}


MOST_KEYS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedRequest:
    """An admitted request, and the faults that hit it."""

    body: JSON
    asked: ModelRequest
    faults: dict[OpenAIFaultKind, OpenAIFault]

    @property
    def answers_as(self) -> str:
        """The model's name in the answer."""
        renamed = self.faults.get(OpenAIFaultKind.ANSWER_AS)
        return renamed.model_name if renamed else self.asked.model

    @property
    def tells_usage(self) -> bool:
        """Whether the answer carries its usage."""
        return OpenAIFaultKind.NO_USAGE not in self.faults


class Vendor:
    """The sandbox's state: its faults and its ledger."""

    def __init__(self, *, latency_s: float = 0.0, valid_keys: Iterable[str] = ()) -> None:
        self.faults: list[OpenAIFault] = []
        self.ring = KeyRing(valid_keys)
        self.ledger = Ledger()
        self.keys: list[str] = []
        self.newest: JSON = {}
        self._latency_s = latency_s

    async def admit(self, request: Request) -> AdmittedRequest:
        """Check a request as the vendor does, and let the faults strike that end it."""
        key = request.headers.get("authorization", "").removeprefix("Bearer").strip()
        self.keys = [*self.keys[-MOST_KEYS:], key]
        self.ring.admit(key)
        self.newest = body = await _body_of(request)
        model = str(body.get("model", ""))
        struck = {fault.kind: fault for fault in self.faults if fault.strikes(model)}
        delay = struck.get(OpenAIFaultKind.DELAY)
        await asyncio.sleep(self._latency_s + (delay.seconds if delay else 0.0))
        for kind, (message, error_type, code) in _ERRORS.items():
            if kind in struck:
                raise RefusalError(int(kind), wire.error(message, kind=error_type, code=code))
        _check_model(model, is_embedding=request.url.path.endswith("/embeddings"))
        who = str(body.get("safety_identifier") or body.get("user") or "")
        return AdmittedRequest(body=body, asked=ModelRequest(who=who, model=model), faults=struck)

    async def chat(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        admitted = await self.admit(request)
        _check_parameters(admitted)
        texts = [texts_of(message.get("content")) for message in admitted.body.get("messages") or ()]
        if not texts:
            raise RefusalError(400, _invalid("messages", "Missing required parameter: 'messages'."))
        most = admitted.body.get("max_completion_tokens") or admitted.body.get("max_tokens")
        answer = answer_to(texts, reasons=_reasons(admitted.asked.model), most_tokens=most)
        if admitted.body.get("stream"):
            wants = bool((admitted.body.get("stream_options") or {}).get("include_usage"))
            told = wants and admitted.tells_usage
            chunks = wire.chat_chunks(answer, admitted.answers_as, with_usage=told)
            return self._stream(admitted, answer, ((None, chunk) for chunk in chunks), reported=told)
        self.ledger.note(admitted.asked, answer, reported=admitted.tells_usage)
        return JSONResponse(wire.chat(answer, admitted.answers_as, with_usage=admitted.tells_usage))

    async def responses(self, request: Request) -> Response:
        """`POST /v1/responses`."""
        admitted = await self.admit(request)
        _check_parameters(admitted)
        texts = _texts_of_input(admitted.body.get("input"))
        if admitted.body.get("instructions"):
            texts = [str(admitted.body["instructions"]), *texts]
        most = admitted.body.get("max_output_tokens")
        answer = answer_to(texts, reasons=_reasons(admitted.asked.model), most_tokens=most)
        if admitted.body.get("stream"):
            events = wire.response_events(answer, admitted.answers_as, with_usage=admitted.tells_usage)
            named = ((str(event["type"]), event) for event in events)
            return self._stream(admitted, answer, named, reported=admitted.tells_usage)
        if OpenAIFaultKind.HTML in admitted.faults:
            return HTMLResponse("<!doctype html><title>proxy</title><p>Sign in to the network.</p>")
        if wants_answer(admitted.body):
            answer = replace(answer, text=answer_from_lines(admitted.body, admitted.faults))
        if wants_wording(admitted.body):
            answer = replace(answer, text=wording(admitted.body, admitted.faults))
        self.ledger.note(admitted.asked, answer, reported=admitted.tells_usage)
        status = wire.final_status(answer)
        told = wire.response(answer, admitted.answers_as, status=status, with_usage=admitted.tells_usage)
        if OpenAIFaultKind.EMPTY in admitted.faults:
            told["output"] = []
        if OpenAIFaultKind.DECLINES in admitted.faults:
            told["output"] = [wire.refusal("I cannot help with sk-sandbox.")]
        return JSONResponse(told)

    async def embeddings(self, request: Request) -> Response:
        """`POST /v1/embeddings`."""
        admitted = await self.admit(request)
        given = admitted.body.get("input")
        texts = [given] if isinstance(given, str) else [str(text) for text in given or ()]
        if not texts:
            raise RefusalError(400, _invalid("input", "Missing required parameter: 'input'."))
        prompt = sum(count_tokens(text) for text in texts)
        size = admitted.body.get("dimensions") or _VECTOR_SIZES.get(admitted.asked.model, 1536)
        vectors = [vector(text, size) for text in texts]
        as_text = admitted.body.get("encoding_format") == "base64"
        answer = Completion(text="", prompt=prompt, cached=0, completion=0, reasoning=0, is_cut_short=False)
        self.ledger.note(admitted.asked, answer, reported=admitted.tells_usage)
        packing: list[list[float] | str] = [packed(values) if as_text else values for values in vectors]
        return JSONResponse(
            wire.embeddings(packing, admitted.answers_as, prompt if admitted.tells_usage else None)
        )

    async def set_fault(self, request: Request) -> Response:
        """`POST /sandbox/faults`: switch one fault on."""
        try:
            self.faults.append(OpenAIFault.model_validate(await request.json()))
        except ValidationError as wrong:
            return JSONResponse({"error": wrong.errors(include_url=False, include_context=False)}, 422)
        return self._fault_list(201)

    async def clear_faults(self, request: Request) -> Response:
        """`DELETE /sandbox/faults`: all well again, or only the faults of `?name=`."""
        name = request.query_params.get("name")
        self.faults = [one for one in self.faults if name and one.name != name]
        return self._fault_list(200)

    async def show_ledger(self, request: Request) -> Response:
        """`GET /sandbox/ledger`."""
        del request
        return JSONResponse({"entries": self.ledger.entries(), "keys": self.keys, "newest": self.newest})

    def _fault_list(self, status: int) -> Response:
        return JSONResponse({"faults": [fault.model_dump(mode="json") for fault in self.faults]}, status)

    def _stream(
        self,
        admitted: AdmittedRequest,
        answer: Completion,
        events: Iterator[tuple[str | None, JSON]],
        *,
        reported: bool,
    ) -> Response:
        sending = self._send(admitted, answer, list(events), reported=reported)
        return StreamingResponse(sending, media_type="text/event-stream", headers=_request_id())

    async def _send(
        self,
        admitted: AdmittedRequest,
        answer: Completion,
        events: list[tuple[str | None, JSON]],
        *,
        reported: bool,
    ) -> AsyncIterator[str]:
        is_chat = events[0][0] is None
        if OpenAIFaultKind.STREAM_ERROR in admitted.faults:
            yield _failure(0, is_chat=is_chat)
            return
        told = False
        try:
            for number, (name, data) in enumerate(events):
                if OpenAIFaultKind.CUT in admitted.faults and number > len(events) // 2:
                    raise ConnectionAbortedError
                if OpenAIFaultKind.LATE_ERROR in admitted.faults and number > len(events) // 2:
                    yield _failure(number, is_chat=is_chat)
                    return
                told = reported and number == len(events) - 1
                yield _event(name, data)
                await asyncio.sleep(0)
            if is_chat:  # its events have no names, and there is a mark at the end
                yield "data: [DONE]\n\n"
        finally:
            self.ledger.note(admitted.asked, answer, reported=told)


def application(
    *, latency_s: float = 0.0, faults: Iterable[OpenAIFault] = (), valid_keys: Iterable[str] = ()
) -> Starlette:
    """The server as an ASGI application. Without ``valid_keys`` it takes every key."""
    vendor = Vendor(latency_s=latency_s, valid_keys=valid_keys)
    vendor.faults.extend(faults)
    routes = [
        Route("/v1/chat/completions", vendor.chat, methods=["POST"]),
        Route("/v1/responses", vendor.responses, methods=["POST"]),
        Route("/v1/embeddings", vendor.embeddings, methods=["POST"]),
        Route("/sandbox/faults", vendor.set_fault, methods=["POST"]),
        Route("/sandbox/faults", vendor.clear_faults, methods=["DELETE"]),
        Route("/sandbox/ledger", vendor.show_ledger, methods=["GET"]),
        *vendor.ring.routes(),
    ]
    return Starlette(routes=routes, exception_handlers={RefusalError: _refused})


async def _refused(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, RefusalError)
    # The SDK waits as long as it is told; a sandbox has no reason to make anybody wait.
    return JSONResponse(error.body, error.status, headers=_request_id() | {"retry-after-ms": "20"})


async def _body_of(request: Request) -> JSON:
    try:
        body = await request.json()
    except json.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise RefusalError(400, _invalid(None, "We could not parse the JSON body of your request."))
    return body


def _check_model(model: str, *, is_embedding: bool) -> None:
    fits = model.startswith("text-embedding") if is_embedding else model.startswith(("gpt-", "o"))
    if not fits:
        message = f"The model `{model}` does not exist or you do not have access to it."
        kind = "invalid_request_error"
        raise RefusalError(404, wire.error(message, kind=kind, code="model_not_found", param="model"))


def _check_parameters(admitted: AdmittedRequest) -> None:
    if not _reasons(admitted.asked.model):
        return
    if admitted.body.get("temperature") not in {None, 1}:
        raise RefusalError(
            400, _invalid("temperature", "Unsupported value: only the default (1) is supported.")
        )
    if "max_tokens" in admitted.body:
        raise RefusalError(
            400, _invalid("max_tokens", "Unsupported parameter. Use 'max_completion_tokens' instead.")
        )


def _reasons(model: str) -> bool:
    return model.startswith(("gpt-5", "o"))


def _texts_of_input(given: object) -> list[str]:
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and given:
        return [texts_of(item.get("content")) for item in given]
    raise RefusalError(400, _invalid("input", "Missing required parameter: 'input'."))


def _invalid(param: str | None, message: str) -> JSON:
    return wire.error(message, kind="invalid_request_error", code=None, param=param)


def _event(name: str | None, data: JSON) -> str:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _failure(number: int, *, is_chat: bool) -> str:
    message, code = "The server had an error.", "server_error"
    if is_chat:
        return _event(None, wire.error(message, kind=code, code=code))
    return _event("error", wire.error_event(message, code=code, number=number))


def _request_id() -> dict[str, str]:
    return {"x-request-id": f"req_{uuid4().hex}"}


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m backend.sandbox.openai", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-s", type=float, default=0.0, help="time that each answer takes")
    parser.add_argument(
        "--hiccup-every", type=int, default=0, help="answer every N-th chat request with 429 (0: never)"
    )
    parser.add_argument("--valid-key", action="append", default=[], help="take no key but these")
    given = parser.parse_args()
    faults = (
        [OpenAIFault(kind=OpenAIFaultKind.RATE_LIMITED, model="gpt-5.2", every=given.hiccup_every)]
        if given.hiccup_every
        else []
    )
    app = application(latency_s=given.latency_s, faults=faults, valid_keys=given.valid_key)
    uvicorn.run(app, host=given.host, port=given.port, log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
