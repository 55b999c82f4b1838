"""The parts of the SDK's answers that we use."""

from typing import TYPE_CHECKING, NoReturn, Protocol, TypeVar

from backend.telemetry.fallback import SDKRequest

T_co = TypeVar("T_co", covariant=True)


class MeteredPart:
    """A part of the SDK under its own name. What else the SDK has there is refused with a sentence, never unmetered."""

    if not TYPE_CHECKING:  # so that a checker still finds a wrong name

        def __getattr__(self, name: str) -> NoReturn:
            raise AttributeError(
                f"{type(self).__name__}.{name} is not metered: its tokens would be on no invoice, so it is not"
                " offered. Metered are chat.completions, responses (create, parse) and embeddings (create)."
            )


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
