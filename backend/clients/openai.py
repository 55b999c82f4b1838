"""The official OpenAI SDK, built from the settings and metered like DocuChat's own."""

from openai import OpenAI

from backend.config import settings
from backend.errors import Unavailable
from backend.telemetry.metered import MeteredOpenAI

# The SDK's own default is ten minutes; nobody here waits that long for a sentence that has a substitute.
TIMEOUT_S = 8.0
RETRIES = 1


def openai_client() -> OpenAI:
    """The SDK's client for `OPENAI_BASE_URL`. It keeps connections: make one and share it.

    https://platform.openai.com/docs/api-reference

    Raises:
        Unavailable: there is no `OPENAI_API_KEY`; the SDK makes no client without one.
    """
    if not settings().openai_api_key.get_secret_value():
        raise Unavailable(service="openai", cause="no_key")
    return OpenAI(
        base_url=settings().openai_base_url,
        api_key=settings().openai_api_key.get_secret_value(),
        timeout=TIMEOUT_S,
        max_retries=RETRIES,
    )


def metered_client() -> MeteredOpenAI:
    """The metered SDK client; this product's own requests count in `openai_tokens_total`, too."""
    return MeteredOpenAI(openai_client())
