"""The demo's outside world as an incident finds it: addresses, and hands that reach into it."""

import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from backend.sandbox.incidents.cluster import ClusterHands
from backend.sandbox.incidents.pipeline import Delivery, Pipeline

_TIMEOUT_S = 10.0
# Made once: it takes 30 ms, and every request would make its own.
_TLS = ssl.create_default_context()


@dataclass(slots=True, kw_only=True)
class World:
    """Addresses of the parts, and hands that stop and start them."""

    cluster: ClusterHands
    pipeline: Pipeline
    openai_url: str
    docuchat_urls: Sequence[str]
    stop_part: Callable[[str], None]
    start_part: Callable[[str], None]
    run_module: Callable[..., None]
    deliveries: dict[str, Delivery] = field(default_factory=dict)

    def bring_to_provider(self, name: str, **fault: object) -> None:
        """Give the model provider a fault with a name."""
        self._ask("POST", f"{self.openai_url}/sandbox/faults", {"name": name, **fault})

    def heal_provider(self, name: str) -> None:
        """End the provider's faults of a name."""
        self._ask("DELETE", f"{self.openai_url}/sandbox/faults?name={name}")

    def bring_to_docuchat(self, name: str, **trouble: object) -> None:
        """Give every DocuChat process a trouble with a name."""
        self._ask_docuchat("PUT", name, trouble)

    def heal_docuchat(self, name: str) -> None:
        """End the trouble of a name in every DocuChat process."""
        self._ask_docuchat("DELETE", name)

    def _ask_docuchat(self, method: str, name: str, body: object = None) -> None:
        for url in self.docuchat_urls:
            # A dead process has no other trouble.
            with suppress(httpx.ConnectError):
                self._ask(method, f"{url}/sandbox/troubles/{name}", body)

    def _ask(self, method: str, url: str, body: object = None) -> None:
        httpx.request(method, url, json=body, timeout=_TIMEOUT_S, verify=_TLS).raise_for_status()
