"""Chooses the next model after a failure.

Fall back: the model is slow, crowded or broken (timeout, 429, 5xx). Do not: the request is wrong (4xx), or nobody
answers at all (another model lives at the same address).
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import httpx2
from openai import APIConnectionError, APIError, APIResponseValidationError, APIStatusError, APITimeoutError

from backend.telemetry.metrics import RequestOutcome, count_fallback, count_request, count_usage_missing
from backend.telemetry.reading import ParsedAnswer

# Of the SDK's own HTTP client: each of its errors carries one, and here it is only passed on.
SDKRequest = Any

FALLS_BACK_AFTER = frozenset(
    {RequestOutcome.TIMEOUT, RequestOutcome.RATE_LIMITED, RequestOutcome.SERVER_ERROR}
)

# An error that arrives inside a stream has no status, only the vendor's words for it.
_IN_STREAM = {
    "server_error": RequestOutcome.SERVER_ERROR,
    "rate_limit_exceeded": RequestOutcome.RATE_LIMITED,
}

# By these a gateway says that it did not wait for the answer of a vendor who may still be at work. 524 is Cloudflare's.
_NOT_WAITED_FOR = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.GATEWAY_TIMEOUT, 524})

# By these the SDK's HTTP client says that a request never left.
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


class Walk:
    """A request's way along its chain of models: `asked` is the current model. Each model is asked once."""

    def __init__(self, tenant: str, model: str, fallbacks: Mapping[str, Sequence[str]]) -> None:
        self.tenant = tenant
        self.asked = model
        self._following = [name for name in dict.fromkeys(fallbacks.get(model, ())) if name != model]

    def go_on_after(self, error: Exception) -> None:
        """Count the failure and turn to the next model. Raises the error again when there is none, or no use."""
        outcome = outcome_of(error)
        count_request(self.tenant, self.asked, outcome)
        if may_have_cost(error):
            count_usage_missing(self.tenant, self.asked)
        if outcome not in FALLS_BACK_AFTER or not self._following:
            raise error
        following = self._following.pop(0)
        count_fallback(self.asked, following, outcome)
        self.asked = following

    def stop_for(self, leaving: BaseException) -> None:
        """Count a request that its caller left before the first token: the vendor may charge for it."""
        # By these the SDK refuses wrong arguments, before it sends anything.
        if not isinstance(leaving, TypeError | ValueError):
            count_request(self.tenant, self.asked, RequestOutcome.ABANDONED)
            count_usage_missing(self.tenant, self.asked)


def check_first(reading: ParsedAnswer, request: SDKRequest) -> None:
    """Raise for a stream that begins with a failure, as the SDK does for a chat's; one that was charged has begun."""
    failure = reading.failure
    if failure is not None and reading.usage is None:
        body = {"code": failure.code or None, "message": failure.message}
        raise APIError(failure.message, request, body=body)


def may_have_cost(error: Exception) -> bool:
    """Whether the vendor may have worked on a request that failed: it was sent, and its answer was lost on the way,
    not waited for, or not understood. The SDK may have sent it several times (`max_retries`) and shows only how the
    last try ended: one request is missing at most, and none where the last try cost nothing.
    """
    if isinstance(error, APIConnectionError):
        return not isinstance(error.__cause__, _NOT_SENT)
    if isinstance(error, APIStatusError):
        return error.status_code in _NOT_WAITED_FOR
    return outcome_of(error) is RequestOutcome.UNREADABLE


def outcome_of(error: Exception) -> RequestOutcome:
    """The outcome of a request, from the SDK's error. Unreadable means: answered and charged, but not understood."""
    match error:
        case APITimeoutError():
            return RequestOutcome.TIMEOUT
        case APIConnectionError():
            return RequestOutcome.UNREACHABLE
        case APIStatusError():
            return _outcome_of_status(error.status_code)
        case APIResponseValidationError() | ValueError():
            return RequestOutcome.UNREADABLE
        case APIError():
            return _IN_STREAM.get(error.code or "", _IN_STREAM.get(error.type or "", RequestOutcome.REFUSED))
        case _:
            return RequestOutcome.REFUSED


def _outcome_of_status(status: int) -> RequestOutcome:
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return RequestOutcome.TIMEOUT
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RequestOutcome.RATE_LIMITED
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RequestOutcome.SERVER_ERROR
    return RequestOutcome.REFUSED
