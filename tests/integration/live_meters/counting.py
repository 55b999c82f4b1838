"""A web application that counts tokens, and processes of it that began in the same tick of the clock.

``uvicorn tests.integration.live_meters.counting:app`` serves one process of it, or with ``--workers`` several.
``python -m tests.integration.live_meters.counting SHARED OWN [OWN ...]`` serves a process on each own port; all of
them serve the shared port, too, unless it is 0.

A server that keeps no connection after its answer lets each scrape meet any of its processes. At an interval of
scrapes above the five seconds that a connection is kept by default, this is so by itself.
"""

import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backend.telemetry.exposition import MetricsApp
from backend.telemetry.metrics import TokenType, count_tokens, register_tenants

TENANT, MODEL = "ava", "gpt-5.2"
KEY = (TENANT, MODEL, TokenType.PROMPT.value)
GO = b"."


async def count(request: Request) -> Response:
    """Count some tokens, and tell which process did."""
    count_tokens(TENANT, MODEL, TokenType.PROMPT, request.path_params["tokens"])
    return JSONResponse({"pid": os.getpid()})


register_tenants([TENANT], models=[MODEL])
app = Starlette(
    routes=[Route("/count/{tokens:int}", count, methods=["POST"]), Route("/metrics", MetricsApp())]
)


def main(shared: int, own: Sequence[int]) -> None:
    """Serve until this process is ended."""
    ports = [(shared, port) if shared else (port,) for port in own]
    sockets = [[_bound(port) for port in each] for each in ports]
    forked: list[int] = []
    while len({_start_tick(pid) for pid in forked}) != 1:
        _end(forked)
        hears, tells = os.pipe()
        forked = [_fork(each, hears) for each in sockets]
    os.write(tells, GO * len(forked))
    signal.pause()


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made


def _fork(sockets: list[socket.socket], hears: int) -> int:
    """A process that serves some sockets as soon as it hears that it may."""
    if not (pid := os.fork()):
        os.read(hears, len(GO))
        uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_keep_alive=0)).run(sockets)
        os._exit(0)
    return pid


def _start_tick(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def _end(pids: Sequence[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(port) for port in sys.argv[2:]])
