"""People who ask DocuChat: as many, at any minute, as `companies` says, at random moments of that minute."""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime

import httpx

from backend.sandbox.companies import Company, questions_per_minute
from backend.sandbox.docuchat_trouble import Troubles

TICK_S = 0.5
PEOPLE_AT_ONCE = 8
LONGEST_QUEUE = 64

_QUESTIONS = (
    "مهلت پاسخ به درخواست مرخصی در آیین‌نامهٔ تازه چند روز کاری است و چه کسی آن را تأیید می‌کند؟",
    "در قرارداد پیوست، جریمهٔ دیرکرد چگونه حساب می‌شود و سقف آن چقدر است؟",
    "تفاوت نسخهٔ سوم و چهارم دستورالعمل ایمنی را در چند جمله بنویس.",
    "کدام فاکتورهای مهرماه هنوز تسویه نشده‌اند و جمع آن‌ها چقدر است؟",
    "What does the warranty of the new packaging line exclude, and until which date is it valid?",
)
_PASSAGE = "این بخش از سند دربارهٔ شرایط، مهلت‌ها و مسئول هر کار است و شمارهٔ بند در آغاز آن می‌آید. "

# Shaped so that the mean of a question meets companies.TOKENS_PER_QUESTION at three characters a token.
_CONTEXT_CHARACTERS = (1000, 2840)
# A whole contract pasted into each question.
_SPIKE_CHARACTERS = 12_000
_DOCUMENT_EVERY = 8
_CHUNKS = 8
_CHUNK_CHARACTERS = 750


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """This process's traffic: its share of the expected rate, the story's first day, and the seed of its dice."""

    share: float
    since: date
    seed: int


class Traffic:
    """Asks in the background until it is stopped."""

    def __init__(
        self, url: str, companies: Sequence[Company], pace: Pace, troubles: Troubles | None = None
    ) -> None:
        self._troubles = troubles or Troubles()
        self._url = url
        self._companies = companies
        self._pace = pace
        self._dice = random.Random(pace.seed)
        self._stopping = threading.Event()
        self._people = ThreadPoolExecutor(PEOPLE_AT_ONCE, thread_name_prefix="person")
        self._queued = threading.Semaphore(LONGEST_QUEUE)
        self._http = httpx.Client(base_url=url, timeout=60.0, trust_env=False)
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask nothing new, and return when what was asked has been answered."""
        self._stopping.set()
        self._thread.join()
        self._people.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._stopping.wait(TICK_S):
            elapsed, last = time.monotonic() - last, time.monotonic()
            now = datetime.now(UTC)
            for company in self._companies:
                expected = questions_per_minute(company, now, since=self._pace.since) * self._pace.share
                expected += self._troubles.questions_per_minute(len(self._companies))
                for _ in range(poisson(self._dice, expected * elapsed / 60)):
                    self._send(company)
                spike = self._troubles.spike_per_minute(company.label)
                for _ in range(poisson(self._dice, spike * elapsed / 60)):
                    self._send(company, context_characters=_SPIKE_CHARACTERS)

    def _send(self, company: Company, *, context_characters: int = 0) -> None:
        dice = self._dice
        if dice.randrange(_DOCUMENT_EVERY) == 0:
            chunks = [_text(dice, _CHUNK_CHARACTERS) for _ in range(_CHUNKS)]
            self._post(f"/api/tenants/{company.label}/documents", {"chunks": chunks})
        question = {
            "text": dice.choice(_QUESTIONS),
            "context": _text(dice, context_characters or dice.randrange(*_CONTEXT_CHARACTERS)),
            "light": dice.random() < company.rhythm.light_share,
            "api": dice.choice(("chat", "chat", "responses")),
            "streams": dice.choice((True, False)),
        }
        self._post(f"/api/tenants/{company.label}/questions", question)

    def _post(self, path: str, body: dict[str, object]) -> None:
        # People who find the queue full go away: a vendor that hangs must not fill the memory.
        if self._queued.acquire(blocking=False):
            self._people.submit(self._ask, path, body)

    def _ask(self, path: str, body: dict[str, object]) -> None:
        try:
            with suppress(httpx.HTTPError):
                self._http.post(path, json=body)
        finally:
            self._queued.release()


def poisson(dice: random.Random, mean: float) -> int:
    """A random number of independent events in a span in which `mean` of them are expected."""
    if mean <= 0:
        return 0
    events, passed = 0, dice.expovariate(mean)
    while passed < 1:
        events += 1
        passed += dice.expovariate(mean)
    return events


def _text(dice: random.Random, characters: int) -> str:
    number = f"{dice.randrange(10**6)}. "
    return (number + _PASSAGE * (characters // len(_PASSAGE) + 1))[:characters]
