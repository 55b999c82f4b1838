"""The gateway's memory: merchants, payment sessions and its clock; in memory, and in a journal when asked."""

import secrets
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from backend.sandbox.zibal import codes
from backend.sandbox.zibal.faults import Faults

TEHRAN = ZoneInfo("Asia/Tehran")
SANDBOX_MERCHANT: Final = "zibal"
LIVE_MERCHANT: Final = "docuchat-live"
DEFAULT_CEILING_RIAL = 500_000_000
_JOURNAL_LENGTH = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """An account at the gateway. The sandbox one moves no money and has no bank references."""

    code: str
    name: str = "داکیوچت"
    is_sandbox: bool = False
    is_active: bool = True
    domain: str = ""
    ceiling_rial: int = DEFAULT_CEILING_RIAL
    fee_wallet_is_empty: bool = False
    allowed_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySession:
    """A payment session. Instants are unix seconds of the gateway's own clock."""

    track_id: int
    merchant: str
    amount: int
    callback_url: str
    order_id: str = ""
    description: str = ""
    mobile: str = ""
    status: int = codes.WAITING
    created_at: float
    paid_at: float | None = None
    verified_at: float | None = None
    ref_number: int | None = None
    card_number: str | None = None
    payments: int = 0
    callbacks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Switches for all sessions."""

    auto_reverse_s: float | None = None
    session_life_s: float | None = 20 * 60
    checks_referer: bool = True
    # Clients disagree whether the fields that an unpaid session has not are null or missing.
    omits_unpaid_fields: bool = False


@dataclass(slots=True)
class Memory:
    """All state of one stand-in. Only its event loop touches it."""

    public_url: str
    state_path: Path | None = None
    behaviour: Behaviour = field(default_factory=Behaviour)
    faults: Faults = field(default_factory=Faults)
    merchants: dict[str, Merchant] = field(default_factory=dict)
    calls: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_JOURNAL_LENGTH))
    clock_offset_s: float = 0.0
    _sessions: dict[int, GatewaySession] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._open_merchants()
        if self.state_path and self.state_path.is_file():
            self._read(self.state_path)
            self._rewrite()

    def now(self) -> float:
        """The gateway's clock, which a test may set forward."""
        return datetime.now(UTC).timestamp() + self.clock_offset_s

    def sessions(self) -> Iterator[GatewaySession]:
        """Every session as it stands now, newest first."""
        for track_id in reversed(list(self._sessions)):
            yield self.session(track_id)

    def session(self, track_id: int) -> GatewaySession:
        """The session as it stands now; money that stayed unverified too long has gone back by then.

        Raises:
            KeyError: there is none.
        """
        session = self._sessions[track_id]
        limit, paid_at = self.behaviour.auto_reverse_s, session.paid_at
        if session.status == codes.PAID and limit is not None and paid_at and self.now() - paid_at >= limit:
            return self.change(session, status=codes.REVERSED)
        return session

    def open(self, **fields: Any) -> GatewaySession:  # noqa: ANN401 - the fields of Session
        """A new session with a track id that was never given before, of 14 digits like the documented one."""
        track_id = secrets.randbelow(9 * 10**13) + 10**13
        while track_id in self._sessions:
            track_id = secrets.randbelow(9 * 10**13) + 10**13
        session = GatewaySession(track_id=track_id, created_at=self.now(), **fields)
        return self._keep(session)

    def change(self, session: GatewaySession, **fields: Any) -> GatewaySession:  # noqa: ANN401 - the fields of Session
        """Keep the session with other values."""
        return self._keep(replace(session, **fields))

    def merchant_of(self, session: GatewaySession) -> Merchant:
        """The merchant that opened the session; after a restart, an unknown merchant counts as live."""
        return self.merchants.get(session.merchant) or Merchant(code=session.merchant)

    def has_expired(self, session: GatewaySession) -> bool:
        """Whether the bank would no longer let the payer pay."""
        life = self.behaviour.session_life_s
        return (
            session.status == codes.WAITING and life is not None and self.now() - session.created_at >= life
        )

    def record(self, point: str, **fields: object) -> None:
        """Remember a call, so that a test can count them."""
        self.calls.append({"at": self.now(), "point": point, **fields})

    def reset(self) -> None:
        """Forget everything, as a fresh start would."""
        self._sessions.clear()
        self.calls.clear()
        self.merchants.clear()
        self.faults.clear()
        self.behaviour = Behaviour()
        self.clock_offset_s = 0.0
        self._open_merchants()
        self._rewrite()

    def _open_merchants(self) -> None:
        sandbox = Merchant(code=SANDBOX_MERCHANT, is_sandbox=True)
        self.merchants.update({SANDBOX_MERCHANT: sandbox, LIVE_MERCHANT: Merchant(code=LIVE_MERCHANT)})

    def _keep(self, session: GatewaySession) -> GatewaySession:
        self._sessions[session.track_id] = session
        if self.state_path:
            with self.state_path.open("ab") as journal:
                journal.write(_line(session))
        return session

    def _read(self, path: Path) -> None:
        for line in path.read_bytes().splitlines():
            # A crash may have cut the last line; what it held was answered to nobody.
            with suppress(orjson.JSONDecodeError, TypeError):
                session = GatewaySession(**orjson.loads(line))
                self._sessions[session.track_id] = session

    def _rewrite(self) -> None:
        if not self.state_path:
            return
        fresh = self.state_path.with_suffix(".new")
        fresh.write_bytes(b"".join(_line(session) for session in self._sessions.values()))
        fresh.replace(self.state_path)


def _line(session: GatewaySession) -> bytes:
    return orjson.dumps(asdict(session), option=orjson.OPT_APPEND_NEWLINE)


def iso_time(instant: float | None) -> str | None:
    """The gateway's way to write an instant: Tehran time, microseconds, no offset."""
    if instant is None:
        return None
    whole = datetime.fromtimestamp(instant, TEHRAN).replace(tzinfo=None)
    in_milliseconds = whole - timedelta(microseconds=whole.microsecond % 1000)
    return in_milliseconds.isoformat(timespec="microseconds")
