"""The official OpenAI SDK, built from the settings and metered like DocuChat's own."""

from functools import lru_cache
from pathlib import Path

from openai import OpenAI

from backend.config import settings
from backend.errors import Unavailable
from backend.telemetry.metered import MeteredOpenAI

# The SDK's own default is ten minutes; nobody here waits that long for a sentence that has a substitute.
TIMEOUT_S = 8.0
# A try that nobody waited for may be charged all the same, so each is a call of its own in the budget: the caller's.
RETRIES = 0


def has_key() -> bool:
    """Whether there is a key now; without one no request is sent."""
    return bool(_key())


def openai_client() -> OpenAI:
    """The SDK's client for `OPENAI_BASE_URL`. It keeps connections: make one and share it.

    A request is sent once. The key is read again for every request, so a mounted secret may change meanwhile.

    https://platform.openai.com/docs/api-reference

    Raises:
        Unavailable: there is no key.
    """
    if not has_key():
        raise Unavailable(service="openai", cause="no_key")
    return OpenAI(base_url=settings().openai_base_url, api_key=_key, timeout=TIMEOUT_S, max_retries=RETRIES)


def metered_client() -> MeteredOpenAI:
    """The metered SDK client; this product's own requests count in `openai_tokens_total`, too."""
    return MeteredOpenAI(openai_client())


@lru_cache(maxsize=1)
def shared_client() -> OpenAI:
    """The client that this process keeps. Raises as ``openai_client`` does."""
    return openai_client()


def _key() -> str:
    path = settings().openai_api_key_file
    if not path:
        return settings().openai_api_key.get_secret_value()
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
