"""The incidents that can be tried: what each is called, how it begins and ends, and which alert it raises."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from backend.sandbox.companies import CHAT_MODEL
from backend.sandbox.incidents.world import World
from backend.sandbox.kubernetes.workloads import GPU_NODE

# Enough people for every rate to be seen, at night, too.
_BUSY = {"questions_per_minute": 15.0}
_SPIKING = "khalij-petrochem"
_DOCUCHAT = "docuchat-1"
_GPU_WORKER = "docuchat-gpu-worker"

IncidentAct = Callable[[World], None]


@dataclass(frozen=True, slots=True)
class BothWords:
    """A sentence in both languages."""

    fa: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident: its words, its alerts, the portal's page that shows it first, and its two acts.

    ``is_mended`` says whether somebody has mended it otherwise, such as by a runbook of the portal.
    """

    key: str
    title: BothWords
    story: BothWords
    page: str
    alerts: tuple[str, ...]
    # Labels that tell its alerts from those of the same rule for another cause.
    labels: Mapping[str, str] = field(default_factory=dict)
    start: IncidentAct
    end: IncidentAct
    is_mended: Callable[[World], bool] = lambda _world: False


def _broken_release(key: str, workload: str, version: str, **fault: str) -> tuple[IncidentAct, IncidentAct]:
    def start(world: World) -> None:
        world.cluster.control("faults", name=key, image=f":{version}", **fault)
        world.deliveries[key] = world.pipeline.begin(workload, version)

    def end(world: World) -> None:
        if (delivery := world.deliveries.pop(key, None)) is not None:
            world.pipeline.roll_back(delivery)
        world.cluster.control("faults", "DELETE", name=key)

    return start, end


def _runs_another_release(key: str) -> Callable[[World], bool]:
    def is_mended(world: World) -> bool:
        delivery = world.deliveries.get(key)
        return (
            delivery is not None
            and not world.pipeline.is_of(delivery)
            and world.cluster.is_rolled_out(delivery.workload)
        )

    return is_mended


def _lose_gpu_node(world: World) -> None:
    world.cluster.cordon(GPU_NODE, is_open=False)
    world.cluster.delete_pods_of(_GPU_WORKER)


def _provider_fault(key: str, **fault: object) -> tuple[IncidentAct, IncidentAct]:
    def start(world: World) -> None:
        world.bring_to_docuchat(key, **_BUSY)
        world.bring_to_provider(key, **fault)

    def end(world: World) -> None:
        world.heal_provider(key)
        world.heal_docuchat(key)

    return start, end


def _docuchat_trouble(key: str, **trouble: object) -> tuple[IncidentAct, IncidentAct]:
    def start(world: World) -> None:
        world.bring_to_docuchat(key, **trouble)

    def end(world: World) -> None:
        world.heal_docuchat(key)

    return start, end


_IMAGE = _broken_release("bad_image", "docuchat-api", "2.16.0-rc1", fault="ImagePullBackOff")
_CRASH = _broken_release(
    "crash_loop",
    "docuchat-worker",
    "2.16.0-rc2",
    fault="CrashLoopBackOff",
    message="ModuleNotFoundError: No module named 'chat.routing'",
)

_FAILING = _provider_fault("provider_failing", kind="503", model=CHAT_MODEL)
_LATE = _provider_fault("provider_slow", kind="delay", seconds=4.0)
_ERRORS = _docuchat_trouble("docuchat_errors", error_share=0.34, **_BUSY)
_SLOW = _docuchat_trouble("docuchat_slow", delay_s=3.0, **_BUSY)
_SPIKE = _docuchat_trouble("token_spike", spikes={_SPIKING: 40.0})

INCIDENTS: tuple[Incident, ...] = (
    Incident(
        key="bad_image",
        title=BothWords("ایمیج نادرست", "A bad image"),
        story=BothWords(
            "نسخهٔ تازهٔ docuchat-api منتشر می‌شود، اما ایمیج آن در مخزن نیست. پایان: بازگشت به نسخهٔ پیشین.",
            "A new version of docuchat-api is deployed whose image is in no registry. It ends with a rollback.",
        ),
        page="/deploys",
        alerts=("RolloutStuck",),
        labels={"workload": "docuchat-api"},
        start=_IMAGE[0],
        end=_IMAGE[1],
        is_mended=_runs_another_release("bad_image"),
    ),
    Incident(
        key="crash_loop",
        title=BothWords("از کار افتادن پیاپی", "A crash loop"),
        story=BothWords(
            "نسخهٔ تازهٔ docuchat-worker در آغاز کار از پا می‌افتد، بارها و بارها. پایان: بازگشت به نسخهٔ پیشین.",
            "A new version of docuchat-worker crashes as it starts, again and again. It ends with a rollback.",
        ),
        page="/deploys",
        alerts=("RolloutStuck",),
        labels={"workload": "docuchat-worker"},
        start=_CRASH[0],
        end=_CRASH[1],
        is_mended=_runs_another_release("crash_loop"),
    ),
    Incident(
        key="out_of_memory",
        title=BothWords("کمبود حافظه", "Out of memory"),
        story=BothWords(
            "docuchat-ingest از سقف حافظهٔ خود می‌گذرد و هر بار بسته می‌شود. پایان: نشتی حافظه برطرف می‌شود.",
            "docuchat-ingest grows past its memory limit and is killed each time. It ends when the leak is gone.",
        ),
        page="/deploys",
        alerts=("RolloutStuck",),
        labels={"workload": "docuchat-ingest"},
        start=lambda world: _bring(world, "out_of_memory", "docuchat-ingest", "OOMKilled"),
        end=lambda world: _lift(world, "out_of_memory"),
    ),
    Incident(
        key="no_gpu",
        title=BothWords("نبود نود برای GPU", "No node for the GPU"),
        story=BothWords(
            "نود GPU برای تعمیر بسته می‌شود و docuchat-gpu-worker جایی برای اجرا ندارد. پایان: نود باز می‌شود.",
            "The GPU node is drained, and docuchat-gpu-worker has nowhere to run. It ends when the node is back.",
        ),
        page="/deploys",
        alerts=("RolloutStuck",),
        labels={"workload": _GPU_WORKER},
        start=_lose_gpu_node,
        end=lambda world: world.cluster.cordon(GPU_NODE, is_open=True),
        is_mended=lambda world: not world.cluster.replicas_of(_GPU_WORKER),
    ),
    Incident(
        key="provider_failing",
        title=BothWords("خطای سرویس مدل زبانی", "The model provider fails"),
        story=BothWords(
            "سرویس مدل به درخواست‌های مدل اصلی پاسخ ۵۰۳ می‌دهد و مدل جایگزین به جای آن پاسخ می‌دهد.",
            "The provider answers 503 for the main model; the spare model answers instead, so fallbacks rise.",
        ),
        page="/alerts",
        alerts=("OpenAIAPIFailures", "ExcessiveMLFallbacks"),
        start=_FAILING[0],
        end=_FAILING[1],
    ),
    Incident(
        key="provider_slow",
        title=BothWords("کندی سرویس مدل زبانی", "The model provider is slow"),
        story=BothWords(
            "هر پاسخ سرویس مدل چهار ثانیه دیرتر می‌رسد و کاربران منتظر می‌مانند.",
            "Each answer of the provider comes four seconds late, and users wait.",
        ),
        page="/alerts",
        alerts=("HighLatency",),
        start=_LATE[0],
        end=_LATE[1],
    ),
    Incident(
        key="docuchat_errors",
        title=BothWords("خطا در داکیوچت", "Errors in DocuChat"),
        story=BothWords(
            "از هر سه پرسش، یکی با خطای ۵۰۰ پایان می‌یابد.",
            "One question in three ends with status 500.",
        ),
        page="/alerts",
        alerts=("HighErrorRate",),
        start=_ERRORS[0],
        end=_ERRORS[1],
    ),
    Incident(
        key="docuchat_slow",
        title=BothWords("کندی داکیوچت", "Slow answers of DocuChat"),
        story=BothWords(
            "هر پاسخ داکیوچت سه ثانیه دیرتر می‌رسد.",
            "Each answer of DocuChat comes three seconds late.",
        ),
        page="/alerts",
        alerts=("HighLatency",),
        start=_SLOW[0],
        end=_SLOW[1],
    ),
    Incident(
        key="token_spike",
        title=BothWords("جهش مصرف توکن یک شرکت", "A token spike of one company"),
        story=BothWords(
            "پتروشیمی خلیج آبی ناگهان چند برابر هفتهٔ خود توکن مصرف می‌کند.",
            "Khalij Abi Petrochemical suddenly uses many times the tokens of its own week.",
        ),
        page="/alerts",
        alerts=("TokenConsumptionSpike",),
        start=_SPIKE[0],
        end=_SPIKE[1],
    ),
    Incident(
        key="missed_night",
        title=BothWords("شبی که صورت‌حساب نداشت", "A missed night"),
        story=BothWords(
            "اپراتوری صدور شبانه را متوقف کرده و فراموش کرده است؛ دیشب محاسبه نشد. پایان: صدور از سر گرفته می‌شود.",
            "An operator paused the nightly billing; last night was not billed. It ends when it is resumed.",
        ),
        page="/jobs",
        alerts=("BillingRunMissed",),
        start=lambda world: world.run_module("backend.sandbox.incidents.night", "miss"),
        end=lambda world: world.run_module("backend.sandbox.incidents.night", "catch-up"),
    ),
    Incident(
        key="dead_docuchat",
        title=BothWords("پردازهٔ ازکارافتادهٔ داکیوچت", "A dead DocuChat process"),
        story=BothWords(
            "یکی از دو پردازهٔ داکیوچت بسته می‌شود و Prometheus دیگر آن را نمی‌بیند.",
            "One of the two DocuChat processes ends, and Prometheus sees it no more.",
        ),
        page="/alerts",
        alerts=("TargetDown",),
        labels={"instance": _DOCUCHAT},
        start=lambda world: world.stop_part(_DOCUCHAT),
        end=lambda world: world.start_part(_DOCUCHAT),
    ),
    Incident(
        key="dead_alertmanager",
        title=BothWords("Alertmanager ازکارافتاده", "A dead Alertmanager"),
        story=BothWords(
            "هیچ هشداری به کسی نمی‌رسد؛ پرتال باید خودش بگوید که چیزی نمی‌بیند.",
            "No alert reaches anybody; the portal itself has to say that it sees nothing.",
        ),
        page="/overview",
        alerts=("TargetDown",),
        labels={"job": "alertmanager"},
        start=lambda world: world.stop_part("alertmanager"),
        end=lambda world: world.start_part("alertmanager"),
    ),
    Incident(
        key="dead_kubernetes",
        title=BothWords("API ازکارافتادهٔ Kubernetes", "A dead Kubernetes API"),
        story=BothWords(
            "پادها کار می‌کنند، اما هیچ‌کس نمی‌تواند وضع آن‌ها را بپرسد؛ صفحه‌ها باید بگویند از چه زمانی خبر ندارند.",
            "Pods go on, but nobody can ask how they are; pages have to say since when they do not know.",
        ),
        page="/deploys",
        alerts=("KubernetesUnreachable",),
        start=lambda world: _set_dead(world, is_dead=True),
        end=lambda world: _set_dead(world, is_dead=False),
    ),
)
BY_KEY = {one.key: one for one in INCIDENTS}


def _bring(world: World, key: str, workload: str, fault: str) -> None:
    world.cluster.control("faults", name=key, workload=workload, fault=fault, on_running=True)


def _lift(world: World, key: str) -> None:
    world.cluster.control("faults", "DELETE", name=key)


def _set_dead(world: World, *, is_dead: bool) -> None:
    world.cluster.control("trouble", is_dead=is_dead)
