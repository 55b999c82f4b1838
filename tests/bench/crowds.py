"""Sockets that cost memory and places: messages that never end, and connections that never join."""

import asyncio
import socket
import subprocess
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from uuid import uuid4

from websockets import Origin, State
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from portal.server import allow_files
from tests.bench.figures import Figures
from tests.integration.portal.frames import CONTINUED, TEXT, frame, websocket
from tests.integration.portal.processes import WebProcess
from tests.integration.portal.socket import event_address

SENDERS = 4
FRAGMENTS = 60
FRAGMENT_BYTES = 1_048_576
LOOK_S = 0.05

SOCKETS = 1_100
ADDRESSES = 11
DIALS_AT_ONCE = 50
WATCHED_S = 12.0
# One file for each socket, and some for the rest.
FILES = SOCKETS + 400


def unfinished_messages(process: WebProcess) -> Figures:
    """Memory of a web process before, while and after sockets send a message that never ends."""
    before = _memory_mb(process)
    with ExitStack() as opened, ThreadPoolExecutor(SENDERS) as senders:
        address = event_address(str(uuid4()))
        lines = [
            opened.enter_context(closing(websocket(process.port, address, origin=process.url)))
            for _ in range(SENDERS)
        ]
        sending = [senders.submit(_send_without_end, line) for line in lines]
        highest = max(before, _highest_until_done(process, sending))
        sent = sum(each.result() for each in sending)
    return {
        "doors_unfinished_messages": {
            "sockets": SENDERS,
            "offered_mib": SENDERS * FRAGMENTS,
            "sent_mib": sent,
            "memory_before_mb": before,
            "memory_highest_mb": highest,
            "memory_after_mb": _memory_mb(process),
        }
    }


def _send_without_end(line: socket.socket) -> int:
    """Send fragments of which none is the last; how many went out before the connection was gone."""
    data = b"x" * FRAGMENT_BYTES
    for number in range(FRAGMENTS):
        try:
            line.sendall(frame(CONTINUED if number else TEXT, data))
        except OSError:
            return number
    return FRAGMENTS


def _highest_until_done(process: WebProcess, work: list[Future[int]]) -> float:
    highest = 0.0
    while not all(each.done() for each in work):
        highest = max(highest, _memory_mb(process))
        time.sleep(LOOK_S)
    return highest


def _memory_mb(process: WebProcess) -> float:
    asked = ["ps", "-o", "rss=", "-p", str(process.child.pid)]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return round(int(told) / 1024, 1)


def silent_sockets(process: WebProcess) -> Figures:
    """What becomes of sockets that open and never join, from one address and from several."""
    allow_files(FILES)
    return {
        f"doors_silent_sockets_of_{whose}": asyncio.run(_crowd(process, addresses))
        for whose, addresses in (("one_address", 1), (f"{ADDRESSES}_addresses", ADDRESSES))
    }


async def _crowd(process: WebProcess, addresses: int) -> dict[str, object]:
    turns = asyncio.Semaphore(DIALS_AT_ONCE)
    began = time.perf_counter()
    dialled = await asyncio.gather(
        *(_dial(process, f"192.0.2.{number % addresses + 1}", turns) for number in range(SOCKETS))
    )
    took = time.perf_counter() - began
    lines = [each for each in dialled if isinstance(each, ClientConnection)]
    await asyncio.sleep(WATCHED_S)
    still_open = sum(line.state is State.OPEN for line in lines)
    for line in lines:
        line.transport.abort()
    refused = Counter(each for each in dialled if isinstance(each, str))
    return {
        "sockets": SOCKETS,
        "accepted": len(lines),
        "refused": refused.total(),
        "refused_with": ", ".join(sorted(refused)),
        "dialled_in_s": round(took, 2),
        f"open_after_{WATCHED_S:.0f}_s": still_open,
        "memory_mb": _memory_mb(process),
    }


async def _dial(process: WebProcess, address: str, turns: asyncio.Semaphore) -> ClientConnection | str:
    """A socket that is open and says nothing, or with what it was refused."""
    url = process.url.replace("http", "ws", 1) + event_address(str(uuid4()))
    async with turns:
        try:
            return await connect(
                url,
                origin=Origin(process.url),
                additional_headers={"x-forwarded-for": address},
                ping_interval=None,
            )
        except InvalidStatus as refusal:
            return str(refusal.response.status_code)
        except (OSError, TimeoutError) as trouble:
            return type(trouble).__name__
