"""What histories share: the stand-in, two tenants and an operator; and ways to fail, to die and to do much at once."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event, text

from backend.actor import Role
from backend.clients import zibal as zibal_client
from backend.config import settings
from backend.db.engine import engine, transaction
from backend.errors import AppError
from backend.sandbox.zibal.driver import Driver
from tests import factories
from tests.integration.payments.payer import Payer

MERCHANT, OTHER_MERCHANT = "docuchat-live", "docuchat-next"


class Killed(BaseException):
    """The process died here. No handler of the product may catch it."""


@contextmanager
def dying(moment: str, at: int) -> Iterator[None]:
    """Die at the n-th begin of a transaction (after what was committed before) or before the n-th commit."""
    seen, guard = [0], threading.Lock()

    def die(_connection: object) -> None:
        with guard:
            seen[0] += 1
            if seen[0] == at:
                raise Killed

    event.listen(engine(), moment, die)
    try:
        yield
    except Killed:
        pass
    finally:
        event.remove(engine(), moment, die)


@dataclass
class World:
    """What all histories of a process share: the stand-in and two tenants."""

    bank: Driver
    payers: list[Payer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.payers = [Payer(self.bank), Payer(self.bank)]
        self.operator = factories.actor(Role.OPERATOR)
        self.histories = 0
        self.seen: Counter[str] = Counter()

    def forget(self) -> None:
        """Begin a new history."""
        self.histories += 1
        self.bank.reset()
        self.bank.merchant(OTHER_MERCHANT)
        self.use_merchant(MERCHANT)
        with transaction() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))  # no trigger objects
            connection.execute(
                text(
                    "TRUNCATE payment_event, tenant_ledger, payment_allocation, payment_attempt, tenant_invoice,"
                    " invoice_line, outbox_mail"
                )
            )

    def use_merchant(self, code: str) -> None:
        """Open new sessions as this merchant; the other one's are still known."""
        [other] = {MERCHANT, OTHER_MERCHANT} - {code}
        os.environ |= {"ZIBAL_MERCHANT": code, "ZIBAL_MERCHANT_PREVIOUS": other}
        settings.cache_clear()

    def close(self) -> None:
        """Close the connections of both merchants."""
        for code in (OTHER_MERCHANT, MERCHANT):
            self.use_merchant(code)
            zibal_client.gateway().close()


def tolerant(act: Callable[[], Any]) -> Any:
    """Do it; an expected refusal is fine and gives None. Anything else is a bug."""
    try:
        return act()
    except AppError:
        return None


def at_once(acts: list[Callable[[], Any]]) -> None:
    """Do all of it at the same time; a bug in one is raised here."""
    if len(acts) == 1:
        acts[0]()
        return
    with ThreadPoolExecutor(len(acts)) as pool:
        for future in [pool.submit(act) for act in acts]:
            future.result()
