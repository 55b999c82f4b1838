"""The seller's logo for printed invoices, out of the file that the settings name."""

import sys
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from backend.config import settings
from backend.seller import LOGO_TYPES

_MAX_BYTES = 512 * 1024


@lru_cache(maxsize=1)
def read_logo_or_exit() -> tuple[bytes, str]:
    """The picture and its type, read once; nothing where none is set.

    A file that cannot be read, or is too large, ends the process with a sentence and exit code 2.
    """
    path = Path(settings().seller_logo)
    if not settings().seller_logo:
        return b"", ""
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    if not 0 < len(content) <= _MAX_BYTES:
        print(  # noqa: T201 - as settings do
            f"Setting SELLER_LOGO: must name a file that can be read and has at most {_MAX_BYTES // 1024} kB.",
            file=sys.stderr,
        )
        sys.exit(2)
    return content, LOGO_TYPES[path.suffix.lower()]


async def logo(_request: Request) -> Response:
    """GET: the picture, or 404 where none is set."""
    content, media_type = read_logo_or_exit()
    if not content:
        return Response(status_code=404)
    return Response(content, media_type=media_type)
