"""DocuChat as far as its counters are concerned: questions, documents, metrics, health.

Uses `backend.telemetry` and the official SDK as the real application does, synchronously and asynchronously,
streamed and whole, so that the counters of the laptop are made the way production makes them.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from threading import Event
from typing import NamedTuple

from openai import AsyncOpenAI, OpenAI, OpenAIError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backend.sandbox.companies import CHAT_MODEL, EMBEDDING_MODEL, LIGHT_MODEL
from backend.sandbox.docuchat_trouble import Troubles
from backend.telemetry.exposition import MetricsApp
from backend.telemetry.metered import MeteredOpenAI
from backend.telemetry.metered_async import AsyncMeteredOpenAI, AsyncTenantOpenAI
from backend.telemetry.metrics import count_document_chunks, count_rag_query, register_tenants
from backend.telemetry.middleware import RequestTimer

FALLBACKS = {CHAT_MODEL: [LIGHT_MODEL]}
TIMEOUT_S = 20.0
VECTOR_SIZE = 256  # as large as a made-up vector needs to be

_RULES = "You answer from the documents of one company, cite the section, and say so when they are silent. "
# A little over 1024 tokens in the sandbox's count, like the instructions that a real application repeats: the
# vendor caches them.
INSTRUCTIONS = (_RULES * 40)[:3120]


class ChatQuestion(NamedTuple):
    """A question with its context, and the way to ask it."""

    text: str
    context: str
    model: str
    api: str
    streams: bool


class DocuChat:
    """The application's state: one SDK client of each kind, and whether it still accepts work."""

    def __init__(self, openai_url: str, *, leaving: Event, troubles: Troubles) -> None:
        self._leaving = leaving
        self._troubles = troubles
        self._async_client = AsyncOpenAI(
            base_url=openai_url, api_key="sandbox", timeout=TIMEOUT_S, max_retries=0
        )
        self._sync_client = OpenAI(base_url=openai_url, api_key="sandbox", timeout=TIMEOUT_S, max_retries=1)
        self._async = AsyncMeteredOpenAI(self._async_client, fallbacks=FALLBACKS)
        self._sync = MeteredOpenAI(self._sync_client)

    @asynccontextmanager
    async def connections(self, _app: Starlette) -> AsyncIterator[None]:
        """Connections to the provider are closed when the application ends."""
        yield
        await self._async_client.close()
        self._sync_client.close()

    async def ask(self, request: Request) -> Response:
        """`POST /api/tenants/{tenant}/questions`."""
        if self._leaving.is_set():
            return JSONResponse({"error": "leaving"}, 503)
        tenant, question = request.path_params["tenant"], _question(await request.json())
        if (failure := await self._troubles.strike()) is not None:
            return failure
        openai = self._async.for_tenant(tenant)
        try:
            await openai.embeddings.create(
                model=EMBEDDING_MODEL, input=question.text, dimensions=VECTOR_SIZE, user=tenant
            )
            words = await _answer(openai, question, tenant)
        except OpenAIError as error:
            return JSONResponse({"error": type(error).__name__}, 502)
        count_rag_query()
        return JSONResponse({"characters": words})

    async def add_document(self, request: Request) -> Response:
        """`POST /api/tenants/{tenant}/documents`."""
        if self._leaving.is_set():
            return JSONResponse({"error": "leaving"}, 503)
        tenant, body = request.path_params["tenant"], await request.json()
        chunks = [str(chunk) for chunk in body["chunks"]]
        try:
            await run_in_threadpool(self._embed, tenant, chunks)
        except OpenAIError as error:
            return JSONResponse({"error": type(error).__name__}, 502)
        count_document_chunks(len(chunks))
        return JSONResponse({"chunks": len(chunks)}, 201)

    async def health(self, request: Request) -> Response:
        """`GET /health`: 503 while leaving, so that a load balancer sends nobody here."""
        del request
        leaving = self._leaving.is_set()
        return JSONResponse({"leaving": leaving}, 503 if leaving else 200)

    def _embed(self, tenant: str, chunks: list[str]) -> None:
        openai = self._sync.for_tenant(tenant)
        openai.embeddings.create(model=EMBEDDING_MODEL, input=chunks, dimensions=VECTOR_SIZE, user=tenant)


def application(
    openai_url: str,
    tenants: list[str],
    *,
    leaving: Event,
    troubles: Troubles | None = None,
    metrics_token: str = "",
) -> Starlette:
    """The ASGI application, its tenants' counters at zero.

    `/metrics` is for the cluster's inside; `/api/v1/metrics` is the same behind a token, where one is given.
    """
    troubles = troubles or Troubles()
    register_tenants(tenants, models=(CHAT_MODEL, LIGHT_MODEL), embedding_models=(EMBEDDING_MODEL,))
    docuchat = DocuChat(openai_url, leaving=leaving, troubles=troubles)
    routes = [
        Route("/api/tenants/{tenant}/questions", docuchat.ask, methods=["POST"]),
        Route("/api/tenants/{tenant}/documents", docuchat.add_document, methods=["POST"]),
        Route("/health", docuchat.health),
        Route("/metrics", MetricsApp()),
        *([Route("/api/v1/metrics", MetricsApp(metrics_token))] if metrics_token else []),
        *troubles.routes(),
    ]
    return Starlette(routes=routes, middleware=[Middleware(RequestTimer)], lifespan=docuchat.connections)


async def _answer(openai: AsyncTenantOpenAI, question: ChatQuestion, tenant: str) -> int:
    if question.api == "responses":
        return await _answer_by_responses(openai, question, tenant)
    prompt = f"{question.context}\n{question.text}"
    if not question.streams:
        whole = await openai.chat.completions.create(
            model=question.model,
            messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": prompt}],
            safety_identifier=tenant,
        )
        return len(whole.choices[0].message.content or "")
    stream = await openai.chat.completions.create(
        model=question.model,
        messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": prompt}],
        safety_identifier=tenant,
        stream=True,
    )
    return sum([len(chunk.choices[0].delta.content or "") async for chunk in stream])


async def _answer_by_responses(openai: AsyncTenantOpenAI, question: ChatQuestion, tenant: str) -> int:
    prompt = f"{question.context}\n{question.text}"
    if not question.streams:
        whole = await openai.responses.create(
            model=question.model, instructions=INSTRUCTIONS, input=prompt, safety_identifier=tenant
        )
        return len(whole.output_text)
    stream = await openai.responses.create(
        model=question.model, instructions=INSTRUCTIONS, input=prompt, safety_identifier=tenant, stream=True
    )
    return sum([len(event.delta) async for event in stream if event.type == "response.output_text.delta"])


def _question(body: Mapping[str, object]) -> ChatQuestion:
    return ChatQuestion(
        text=str(body["text"]),
        context=str(body.get("context", "")),
        model=LIGHT_MODEL if body.get("light") else CHAT_MODEL,
        api=str(body.get("api", "chat")),
        streams=bool(body.get("streams")),
    )
