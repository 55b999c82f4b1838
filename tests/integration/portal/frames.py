"""A websocket's bytes by hand, for what no client of a library sends."""

import socket
import struct

TEXT, CONTINUED, PING = 0x1, 0x0, 0x9
LAST = 0x80
TOO_BIG = struct.pack("!H", 1009)


def dial(port: int, first: bytes = b"") -> socket.socket:
    """A connection that has sent this."""
    dialled = socket.create_connection(("127.0.0.1", port), timeout=20)
    dialled.sendall(first)
    return dialled


def websocket(port: int, address: str = "/", *, origin: str = "") -> socket.socket:
    """A connection that has become a websocket."""
    lines = [
        f"GET {address} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *([f"Origin: {origin}"] if origin else []),
    ]
    dialled = dial(port, "".join(f"{line}\r\n" for line in [*lines, ""]).encode())
    assert b"101" in dialled.recv(4_096)
    return dialled


def frame(kind: int, data: bytes) -> bytes:
    """A frame as a browser sends it; its mask changes nothing."""
    size = bytes([0x80 | len(data)]) if len(data) < 126 else struct.pack("!BQ", 0xFF, len(data))
    return bytes([kind]) + size + b"\0\0\0\0" + data
