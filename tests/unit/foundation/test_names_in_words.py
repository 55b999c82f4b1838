"""What people call the things that sentences name."""

import pytest

from backend.i18n.catalog import Lang
from backend.i18n.names import named, target_words
from portal import home
from runbooks import registry

assert registry.HERE
assert home.__name__  # the sentences of both


@pytest.mark.parametrize(
    ("target", "lang", "said"),
    [
        ("job:send_mail", "en", "Job Sending mails"),
        ("job:send_mail", "fa", "کار ارسال ایمیل‌ها"),
        ("job:gone", "en", "Job gone"),
        ("alert:8f", "fa", "هشدار \u20668f\u2069"),
        ("billing", "en", "Billing"),
        ("thing:one", "en", "thing:one"),
        ("db:docuchat", "fa", "پایگاه داده \u2066docuchat\u2069"),
    ],
)
def test_a_target_is_a_kind_of_thing_and_its_name(target: str, lang: Lang, said: str) -> None:
    assert target_words(target, lang) == said


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("job", "nightly_billing", "صدور شبانهٔ صورت‌حساب"),
        ("alert", "HighErrorRate", "خطاهای زیاد"),
        ("action", "restore_database", "بازیابی پایگاه داده"),
        ("holder", "user:mina@x.example", "mina@x.example"),
        ("holder", "process:runbooks", "زمان‌بندی"),
        ("stuck", "crash", "کانتینر پیاپی فرو می‌پاشد"),
        ("target", "billing", "صدور صورت‌حساب"),
        ("job", "gone", ""),
        ("job", "{x}", ""),
        ("workload", "nightly_billing", ""),
    ],
)
def test_a_place_that_holds_a_stored_name_has_its_name_in_the_readers_language(
    place: str, value: str, said: str
) -> None:
    assert named(place, value, "fa") == said
