"""Ask the portal of a release from within the cluster whether it is well: exit code 0, or what is wrong."""

import os
import sys
import time
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

PORTAL, HOST = os.environ["PORTAL"], os.environ["HOST"]
TOKEN = os.environ["METRICS_TOKEN"]
TRIES, PAUSE_S, TIMEOUT_S = 30, 2, 5


def status_of(path: str, **headers: str) -> int:
    """The status of a GET; 0 while nobody answers."""
    try:
        with urlopen(Request(PORTAL + path, headers={"Host": HOST, **headers}), timeout=TIMEOUT_S) as answer:
            status: int = answer.status
    except HTTPError as refused:
        return refused.code
    except (URLError, OSError):
        return 0
    return status


def require(what: str, path: str, expected: int, **headers: str) -> None:
    """Ask until the answer is right, for a minute."""
    status = 0
    for _ in range(TRIES):
        status = status_of(path, **headers)
        if status == expected:
            print(f"ok: {what}")
            return
        time.sleep(PAUSE_S)
    sys.exit(f"{what}: GET {path} was answered with {status} instead of {expected}.")


require("The portal is ready: it reaches its database and Redis", "/readyz", 200)
require("The sign-in page is served", "/sign-in", 200)
require("Prometheus may read the metrics", "/api/v1/metrics", 200, Authorization=f"Bearer {TOKEN}")
require("A stranger may not", "/api/v1/metrics", 401, Authorization="Bearer of-a-stranger")
