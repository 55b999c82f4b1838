"""Reading the log of a process that is still writing it."""

import json
from typing import Any


def entries(log: bytes) -> list[dict[str, Any]]:
    """The entries of a log, without a line that is not written to its end.

    A reader sees half of one where it goes on on the next page of the file, and a busy machine makes it see that often.
    """
    whole = log[: log.rfind(b"\n") + 1].decode(errors="replace")
    return [json.loads(line) for line in whole.split("\n") if line.startswith("{")]
