"""Samples in the words of remote write: protobuf in snappy, both in their plainest form."""

import struct
from collections.abc import Iterable, Mapping

STALE = struct.pack("<Q", 0x7FF0000000000002)
LONGEST_PIECE = 1 << 16


def body(series: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The body of one request, of series as ``(labels(...), samples(...))``."""
    return _snappy(b"".join(_field(1, named + told) for named, told in series))


def labels(named: Mapping[str, str]) -> bytes:
    """The labels of a series, the metric's name as ``__name__``."""
    return b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in sorted(named.items())
    )


def samples(values: Iterable[tuple[int, float]]) -> bytes:
    """Samples as ``(millisecond since 1970, value)``, in order of time."""
    return b"".join(_sample(at_ms, struct.pack("<d", value)) for at_ms, value in values)


def marks(series: Iterable[tuple[Mapping[str, str], int]]) -> bytes:
    """A body that marks the end of each series at a millisecond."""
    return body((labels(named), _sample(at_ms, STALE)) for named, at_ms in series)


def _sample(at_ms: int, value: bytes) -> bytes:
    # Field 1 of a sample is a double, field 2 a varint.
    return _field(2, b"\x09" + value + b"\x10" + _varint(at_ms))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    told = bytearray()
    while value > 0x7F:
        told.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*told, value])


def _snappy(content: bytes) -> bytes:
    """Nothing is compressed: pieces that stand for themselves, each with its length in two bytes."""
    pieces = [content[start : start + LONGEST_PIECE] for start in range(0, len(content), LONGEST_PIECE)]
    told = (bytes([61 << 2]) + (len(piece) - 1).to_bytes(2, "little") + piece for piece in pieces)
    return _varint(len(content)) + b"".join(told)
