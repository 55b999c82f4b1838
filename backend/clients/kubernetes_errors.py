"""Failures of lightkube and the API server as the house's errors. Nobody above sees theirs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2
from lightkube.core.exceptions import ApiError, ConfigError, NotReadyError

from backend.errors import AppError, Conflict, NotFound, Refused, Unavailable

SERVICE = "kubernetes"
FORBIDDEN = "kubernetes_forbidden"
QUOTA = "exceeded quota"
LONGEST_WORDS = 300


class Expired(Exception):
    """The history of the API server no longer reaches back to the version that was asked for: list again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterCall:
    """A call to the API server, in the words in which its failure is explained."""

    verb: str
    resource: str
    namespace: str
    is_secret: bool = False
    """Whether the server's words may quote what was sent, and so are dropped."""


@contextmanager
def in_our_words(asked: ClusterCall) -> Iterator[None]:
    """Turn every failure of a call into one of the house's errors.

    Raises:
        Expired: 410.
        Refused: with ``reason`` kubernetes_forbidden, _rejected or _configuration; names verb, resource and namespace.
        NotFound: 404.
        Conflict: 409.
        Unavailable: everything that may be different later; ``cause`` says which.
    """
    try:
        yield
    except ApiError as answer:
        code = answer.response.status_code if answer.response is not None else answer.status.code
        raise of_status(asked, int(code or 0), answer.status.message or "") from None
    except httpx2.HTTPStatusError as answer:
        raise of_status(asked, answer.response.status_code, "") from None
    except (httpx2.TimeoutException, TimeoutError):
        raise Unavailable(service=SERVICE, cause="timeout") from None
    except (ConfigError, FileNotFoundError, PermissionError):
        # A token or a certificate is gone; the text would name its path.
        raise Refused(reason="kubernetes_configuration") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
        raise Unavailable(service=SERVICE, cause="connection") from None
    except (NotReadyError, ValueError, AttributeError, KeyError):
        # lightkube reads answers without asking whether they are what they should be; a decoding error is a ValueError.
        raise Unavailable(service=SERVICE, cause="unreadable") from None


def of_status(asked: ClusterCall, code: int, words: str) -> AppError | Expired:
    """The error for an answer that is none, by its status."""
    told: dict[str, str | int] = {
        "verb": asked.verb,
        "resource": asked.resource,
        "namespace": asked.namespace,
    }
    words = "" if asked.is_secret else one_line(words)
    rejected = Refused(reason="kubernetes_rejected", **told, words=words)
    errors: dict[int, AppError | Expired] = {
        400: rejected,
        401: Refused(reason="kubernetes_unauthorized"),
        # Admission refuses by the same code as missing rights.
        403: rejected if QUOTA in words else Refused(reason=FORBIDDEN, **told),
        404: NotFound(reason="kubernetes_object"),
        405: rejected,
        409: Conflict(reason="kubernetes_object"),
        410: Expired(),
        422: rejected,
    }
    return errors.get(code, Unavailable(service=SERVICE, cause="status", status=code))


def one_line(words: str, longest: int = LONGEST_WORDS) -> str:
    """Words of the cluster in one line that is not too long. They are still untrusted.

    No word is cut in the middle: it could be a secret, of which nothing would know the rest.
    """
    line = " ".join(words.split())
    if len(line) <= longest:
        return line
    return f"{line[:longest].rpartition(' ')[0]}…"
