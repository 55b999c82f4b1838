"""Counts a request's tokens when an answer has come or a stream has ended."""

from backend.telemetry import metrics
from backend.telemetry.metrics import RequestOutcome
from backend.telemetry.reading import ParsedAnswer


def count_answer(tenant: str, asked: str, reading: ParsedAnswer) -> None:
    """Count a whole answer under the model that gave it; an answer that names none was given by the one asked."""
    _count(tenant, reading.model or asked, reading, RequestOutcome.OK, is_told_to_end=True)


class StreamTally:
    """Follows one stream and counts it once, however it ends: read to its end, cut, or left by its reader."""

    def __init__(self, tenant: str, asked: str) -> None:
        self._tenant = tenant
        self._seen = ParsedAnswer(model=asked)
        self._outcome = RequestOutcome.ABANDONED
        self._has_last_usage = False
        self.has_begun = False

    def saw(self, reading: ParsedAnswer) -> None:
        """Note what a chunk tells. It is not added up: some servers repeat the running total in each chunk."""
        self.has_begun = True
        self._seen = self._seen.and_then(reading)
        if reading.tells_usage:
            # The first chunk may tell usage too; what is told once the answer has ended is the last.
            self._has_last_usage = self._seen.has_finished or reading.failure is not None
        elif reading.has_content:
            self._has_last_usage = False
        if reading.failure is not None:
            self.broke()

    def ended(self) -> None:
        """The vendor said all it had to say, be it that the answer failed."""
        self.has_begun = True
        if self._outcome is not RequestOutcome.INTERRUPTED:
            self._outcome = RequestOutcome.OK

    def broke(self) -> None:
        """The stream failed under its reader."""
        self._outcome = RequestOutcome.INTERRUPTED

    def settle(self) -> None:
        """Count. A stream that failed, or was left, before its first chunk is counted by the chain."""
        if self.has_begun:
            is_told_to_end = self._has_last_usage or self._outcome is RequestOutcome.OK
            _count(self._tenant, self._seen.model, self._seen, self._outcome, is_told_to_end=is_told_to_end)


def _count(
    tenant: str, model: str, reading: ParsedAnswer, outcome: RequestOutcome, *, is_told_to_end: bool
) -> None:
    usage = reading.usage
    if usage is None or not usage.is_whole or not is_told_to_end:
        metrics.count_usage_missing(tenant, model)
    if usage is not None:
        for kind, tokens in usage.by_type().items():
            if tokens:
                metrics.count_tokens(tenant, model, kind, tokens)
    metrics.count_request(tenant, model, outcome)
