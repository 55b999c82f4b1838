"""How soon a web process obeys what another one has ended."""

import time
from collections.abc import Callable

from backend.accounts.types import SignedIn, User
from backend.actor import Role
from portal import routes
from portal.features.accounts.account_state import AccountState
from portal.guard import HYDRATE
from tests import factories
from tests.bench.figures import Figures
from tests.integration.portal.processes import WebProcess
from tests.integration.portal.socket import LOADED, RawSocket
from tests.waiting import until

REVOKE = f"{AccountState.get_full_name()}.revoke"
DONE = '"done_rx_state_":"'

End = Callable[[WebProcess, SignedIn, SignedIn], None]


def ended_sessions(first: WebProcess, second: WebProcess, name: str) -> Figures:
    """Seconds from the first process's answer until the second lets a session in no more that it has just let in."""
    kinds: dict[str, End] = {"sign_out": _sign_out, "revocation": _revoke, "new_password": _change_password}
    return {name: {f"{kind}_s": _seconds_until_obeyed(first, second, end) for kind, end in kinds.items()}}


def _seconds_until_obeyed(first: WebProcess, second: WebProcess, end: End) -> float:
    someone: User = factories.user(Role.AUDITOR)
    here, there = factories.signed_in(someone), factories.signed_in(someone)
    assert second.lets_in(there.token)
    end(first, here, there)
    began = time.perf_counter()
    until(lambda: not second.lets_in(there.token))
    return round(time.perf_counter() - began, 3)


def _sign_out(first: WebProcess, _here: SignedIn, there: SignedIn) -> None:
    first.post(routes.POST_SIGN_OUT, f"portal={there.token}")


def _revoke(first: WebProcess, here: SignedIn, there: SignedIn) -> None:
    with RawSocket(first.url, cookie=f"portal={here.token}") as tab:
        tab.send(HYDRATE, path=routes.ACCOUNT)
        assert tab.tells(LOADED)
        tab.send(REVOKE, {"key": str(there.session.id)}, path=routes.ACCOUNT)
        assert tab.tells(DONE)


def _change_password(first: WebProcess, here: SignedIn, _there: SignedIn) -> None:
    form = {"old": factories.PASSWORD, "new": "quite another phrase"}
    first.post(routes.POST_PASSWORD, f"portal={here.token}", form)
