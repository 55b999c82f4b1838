"""The ten companies of the demo and how much each one uses DocuChat, minute by minute.

One law for past and present: the backfilled history and the live traffic both follow `expected_tokens`,
so a chart shows no seam between them. Everything here is pure; randomness belongs to the caller.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal
from zlib import crc32
from zoneinfo import ZoneInfo

CHAT_MODEL = "gpt-5.2"
LIGHT_MODEL = "gpt-5-mini"
EMBEDDING_MODEL = "text-embedding-3-large"

HISTORY_DAYS = 45

Flow = tuple[str, str]
"""A model and a token type (`prompt`, `cached_prompt`, `completion`)."""

TOKENS_PER_QUESTION: Mapping[Flow, float] = {
    (CHAT_MODEL, "prompt"): 700.0,
    (CHAT_MODEL, "cached_prompt"): 1024.0,
    (CHAT_MODEL, "completion"): 360.0,
    (LIGHT_MODEL, "prompt"): 700.0,
    (LIGHT_MODEL, "cached_prompt"): 1024.0,
    (LIGHT_MODEL, "completion"): 360.0,
    (EMBEDDING_MODEL, "prompt"): 280.0,
}
"""Mean tokens of one question, if the model answers it; the embedding model takes part in every question."""

_TEHRAN = ZoneInfo("Asia/Tehran")
_THURSDAY, _FRIDAY = 3, 4
_SALE_DAY = 9  # of every thirty; 39, the last one of a fresh history, lies inside every chart of 30 days
_SHOP_HOURS = range(9, 22)


class Story(StrEnum):
    """A company's course during the history."""

    STEADY = "steady"
    GROWING = "growing"
    STOPPED = "stopped"
    BURST = "burst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """A company's traffic over the day. `night` and `weekend` are shares of the busiest hour and of a working day."""

    questions_per_minute: float
    night: float = 0.06
    weekend: float = 0.25
    light_share: float = 0.4
    story: Story = Story.STEADY


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A tenant of the demo. `label` is the value of the `tenant` label in Prometheus."""

    label: str
    name_fa: str
    name_en: str
    language: Literal["fa", "en"]
    billing_email: str
    admin_email: str
    rhythm: Rhythm


COMPANIES: tuple[Company, ...] = (
    Company(
        label="arvand-logistics",
        name_fa="لجستیک اروند",
        name_en="Arvand Logistics",
        language="fa",
        billing_email="mali@arvand-logistics.example",
        admin_email="sara.ahmadi@arvand-logistics.example",
        rhythm=Rhythm(questions_per_minute=6.0, night=0.35, weekend=0.45),
    ),
    Company(
        label="sepidar-insurance",
        name_fa="بیمهٔ سپیدار",
        name_en="Sepidar Insurance",
        language="fa",
        billing_email="hesabdari@sepidar-insurance.example",
        admin_email="reza.karimi@sepidar-insurance.example",
        rhythm=Rhythm(questions_per_minute=4.0, weekend=0.15, light_share=0.3),
    ),
    Company(
        label="khalij-petrochem",
        name_fa="پتروشیمی خلیج آبی",
        name_en="Khalij Abi Petrochemical",
        language="fa",
        billing_email="finance@khalij-petrochem.example",
        admin_email="mahdi.hosseini@khalij-petrochem.example",
        rhythm=Rhythm(questions_per_minute=2.5, night=0.6, weekend=0.8, light_share=0.2),
    ),
    Company(
        label="nikroo-pharma",
        name_fa="داروسازی نیک‌رو",
        name_en="Nikroo Pharma",
        language="fa",
        billing_email="mali@nikroo-pharma.example",
        admin_email="leila.moradi@nikroo-pharma.example",
        rhythm=Rhythm(questions_per_minute=2.0, story=Story.GROWING),
    ),
    Company(
        label="mehregan-stores",
        name_fa="فروشگاه‌های زنجیره‌ای مهرگان",
        name_en="Mehregan Stores",
        language="fa",
        billing_email="hesabdari@mehregan-stores.example",
        admin_email="amir.rahimi@mehregan-stores.example",
        rhythm=Rhythm(questions_per_minute=1.2, weekend=0.7, light_share=0.7, story=Story.BURST),
    ),
    Company(
        label="alborz-academy",
        name_fa="آکادمی برخط البرز",
        name_en="Alborz Online Academy",
        language="en",
        billing_email="billing@alborz-academy.example",
        admin_email="nima.sadeghi@alborz-academy.example",
        rhythm=Rhythm(questions_per_minute=1.5, night=0.2, weekend=0.9, light_share=0.8),
    ),
    Company(
        label="caravansara-travel",
        name_fa="گردشگری کاروانسرا",
        name_en="Caravansara Travel",
        language="en",
        billing_email="accounts@caravansara-travel.example",
        admin_email="yasmin.tehrani@caravansara-travel.example",
        rhythm=Rhythm(questions_per_minute=0.8, night=0.15, weekend=1.3, light_share=0.6),
    ),
    Company(
        label="peyktiz-delivery",
        name_fa="پیک‌تیز",
        name_en="Peyktiz Delivery",
        language="fa",
        billing_email="mali@peyktiz-delivery.example",
        admin_email="hamed.jafari@peyktiz-delivery.example",
        rhythm=Rhythm(questions_per_minute=1.0, night=0.1, weekend=0.6, story=Story.STOPPED),
    ),
    Company(
        label="dadavaran-law",
        name_fa="مؤسسهٔ حقوقی دادآوران",
        name_en="Dadavaran Law Office",
        language="fa",
        billing_email="daftar@dadavaran-law.example",
        admin_email="maryam.kazemi@dadavaran-law.example",
        rhythm=Rhythm(questions_per_minute=0.3, night=0.01, weekend=0.1, light_share=0.1),
    ),
    Company(
        label="narvan-press",
        name_fa="انتشارات نارون",
        name_en="Narvan Press",
        language="fa",
        billing_email="info@narvan-press.example",
        admin_email="farhad.ebrahimi@narvan-press.example",
        rhythm=Rhythm(questions_per_minute=0.04, night=0.0, weekend=0.0, light_share=1.0),
    ),
)


def history_start(today: date) -> date:
    """First day of a history that is made today. Stories are told from it, so keep it between starts."""
    return today - timedelta(days=HISTORY_DAYS)


def questions_per_minute(company: Company, at: datetime, *, since: date) -> float:
    """Mean questions in the minute of `at`, for a history that began on the Tehran day `since`."""
    local = at.astimezone(_TEHRAN)
    rhythm = company.rhythm
    weekend = rhythm.weekend if local.weekday() in (_THURSDAY, _FRIDAY) else 1.0
    shape = rhythm.night + (1.0 - rhythm.night) * _daylight(local.hour + local.minute / 60)
    wobble = 0.85 + 0.3 * crc32(f"{company.label}/{local.date()}".encode()) / 2**32
    return rhythm.questions_per_minute * weekend * shape * wobble * _story(rhythm.story, local, since)


def expected_tokens(company: Company, at: datetime, *, since: date) -> dict[Flow, float]:
    """Mean tokens in the minute of `at`, for every model and type the company can use, zeros included."""
    questions = questions_per_minute(company, at, since=since)
    share = {
        CHAT_MODEL: 1.0 - company.rhythm.light_share,
        LIGHT_MODEL: company.rhythm.light_share,
        EMBEDDING_MODEL: 1.0,
    }
    return {flow: questions * share[flow[0]] * tokens for flow, tokens in TOKENS_PER_QUESTION.items()}


def rate_per_minute(company: Company, at: datetime, *, since: date) -> float:
    """Mean tokens in the minute of `at`, all models and types together."""
    return sum(expected_tokens(company, at, since=since).values())


def _daylight(hour: float) -> float:
    morning = math.exp(-(((hour - 10.75) / 2.2) ** 2))
    afternoon = 0.8 * math.exp(-(((hour - 16.0) / 2.6) ** 2))
    return min(1.0, morning + afternoon)


def _story(story: Story, local: datetime, since: date) -> float:
    day = (local.date() - since).days
    match story:
        case Story.STEADY:
            return 1.0
        case Story.GROWING:
            return 0.3 + 2.0 / (1.0 + math.exp((24 - day) / 7.0))
        case Story.STOPPED:
            return max(0.0, min(1.0, (31 - day) / 4))
        case Story.BURST:
            return 8.0 if day % 30 == _SALE_DAY and local.hour in _SHOP_HOURS else 1.0
