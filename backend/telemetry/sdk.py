"""The parts of the SDK's answers that we use."""

from typing import Protocol, TypeVar

from backend.telemetry.fallback import SDKRequest

T_co = TypeVar("T_co", covariant=True)


class Raw(Protocol[T_co]):
    """The part of the SDK's raw answer that we use."""

    @property
    def text(self) -> str:
        """The body."""

    def parse(self) -> T_co:
        """The typed answer; raises when it does not fit."""


class SDKResponse(Protocol):
    """The part of the SDK's HTTP answer that we use."""

    @property
    def request(self) -> SDKRequest:
        """The request that was answered."""


def nothing(item: object) -> bool:
    """Hides no item of a stream."""
    del item
    return False
