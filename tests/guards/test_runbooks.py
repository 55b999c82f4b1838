"""Every alert has its page in both languages, and what a page names is there."""

import re
from functools import cache
from importlib.util import find_spec

import pytest
from prometheus_client import REGISTRY

from backend.config import Settings
from backend.i18n.catalog import Lang, sentences
from backend.telemetry import metrics as _telemetry  # noqa: F401 (registers them)
from jobs.registry import names as job_names
from portal import routes
from portal.pages import load_features, registered
from runbooks import registry
from runbooks.service import PAGES
from runbooks.types import PROCEDURES
from tests.alert_files import alerts, shipped
from tests.guards.rules import PRODUCTION, ROOT, sources
from tests.guards.test_persian import persian_faults

HEADINGS = {
    "en": ["Meaning", "Impact", "Diagnosis", "Mitigation"],
    "fa": ["معنا", "اثر", "بررسی", "اقدام"],
}
LONGEST = 2600
SUFFIX = {"en": ".md", "fa": ".fa.md"}
# Pages that are followed by hand, step by step, are as long as it takes.
LONGEST_PROCEDURE = 9000
NAMES = sorted(path.name.removesuffix(".fa.md") for path in PAGES.glob("*.fa.md"))
KEYS = [(name, lang) for name in NAMES for lang in HEADINGS]

# What Prometheus and Alertmanager tell of themselves; the rules that use it are tried on real servers.
OF_THE_SERVERS = {
    "up",
    "ALERTS",
    "process_start_time_seconds",
    "alertmanager_config_last_reload_successful",
    "alertmanager_notifications_failed_total",
    "prometheus_config_last_reload_successful",
    "prometheus_notifications_alertmanagers_discovered",
    "prometheus_notifications_dropped_total",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_tsdb_compactions_failed_total",
    "prometheus_tsdb_storage_blocks_bytes",
    "prometheus_tsdb_wal_writes_failed_total",
}
METRIC = re.compile(
    r"\b(?:portal|openai|ml|http|rag|document|process|prometheus|alertmanager)_[a-z0-9_]+|\bup\b"
)
KUBECTL = {
    "get",
    "describe",
    "logs",
    "rollout",
    "scale",
    "delete",
    "exec",
    "patch",
    "set",
    "cp",
    "wait",
    "create",
}
# Nodes and files belong to no namespace.
WITHOUT_NAMESPACE = {("get", "nodes"), ("describe", "node"), ("apply", "-f"), ("auth", "can-i")}
OTHER_TOOLS = {
    "promtool",
    "amtool",
    "psql",
    "pg_dump",
    "pg_restore",
    "createdb",
    "sha256sum",
    "df",
    "ls",
    "export",
    "set",
    "read",
    "printf",
    *("NEW=$(openssl", "NEW=$(kubectl", "OLD=$(kubectl", "KEYS=$(kubectl"),
}
OF_OTHERS = {
    *("5xx", "max_connections", "sum by", "POST /-/reload"),
    *(
        ".json",
        ".pgpass",
        "sha256",
        "GRANT …",
        "ALTER DATABASE … SET",
        "docuchat-gpu-worker",
        "--current-replicas",
    ),
    *("Insufficient nvidia.com/gpu", "untolerated taint", "exceeded quota"),
    "didn't match Pod's node affinity/selector",
}


@cache
def source(alert: str, lang: str) -> str:
    return (PAGES / f"{alert}{SUFFIX[lang]}").read_text(encoding="utf-8")


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def spans(text: str) -> list[str]:
    """Words of code inside sentences."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)]*)\)", text)


def prose(text: str) -> list[str]:
    """Sentences with a word in the place of code and of addresses."""
    without_blocks = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    without_marks = re.sub(r"^(?:#+|-|[0-9]+\.) ", "", without_blocks, flags=re.MULTILINE)
    return re.sub(r"`[^`\n]+`|\[[^\]]*\]\([^)]*\)", "نام", without_marks).splitlines()


def commands(text: str) -> list[str]:
    lines = [line for fence in fences(text, "sh") for line in fence.splitlines()]
    return [*lines, *(span for span in spans(text) if span.startswith(("python -m ", "kubectl ")))]


@cache
def known_metrics() -> frozenset[str]:
    told = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    families = {
        f"{family.name}{end}" for family in REGISTRY.collect() for end in ("", "_total", "_bucket", "_count")
    }
    business = (ROOT / "portal/http/business_metrics.py").read_text()
    recorded = {rule["record"] for group in shipped("recording.yml")["groups"] for rule in group["rules"]}
    return frozenset(
        told | families | set(re.findall(r'"(portal_\w+)"', business)) | recorded | OF_THE_SERVERS
    )


def unknown_metrics(text: str) -> set[str]:
    return set(METRIC.findall(text)) - known_metrics()


def is_command(line: str) -> bool:
    """Whether a line of shell calls what there is: our modules with their jobs, or a known verb of kubectl."""
    words = line.split()
    if words[0] == "kubectl":
        return tuple(words[1:3]) in WITHOUT_NAMESPACE or (
            words[1:3] == ["-n", "docuchat-prod"] and words[3] in KUBECTL
        )
    if words[0] in OTHER_TOOLS:
        return True
    if words[:2] != ["python", "-m"] or find_spec(words[2]) is None:
        return False
    return words[2] != "jobs" or len(words) == 3 or (words[3] == "run" and words[4] in job_names())


def page_named(path: str) -> str:
    """The catalogue key of the title of the page at a path that names no place; empty when there is none."""
    load_features()
    return next((page.title for page in registered() if page.roles and page.route == path), "")


def is_page(path: str) -> bool:
    """Whether a path leads to a page, or to a runbook's page."""
    folder, _, name = path.rpartition("/")
    return bool(page_named(path)) or (folder == routes.RUNBOOKS and name in NAMES)


def misnamed_links(text: str, lang: Lang) -> list[str]:
    """Links to pages that are not called as the page is."""
    called = re.findall(r"\[([^\]]+)\]\((/[\w-]+)\)", text)
    titles = sentences(lang)
    return [path for word, path in called if word != titles.get(page_named(path), "").partition(" · ")[0]]


@cache
def written_words() -> frozenset[str]:
    """Every text between quotation marks in our code: events of the log, values of labels."""
    return frozenset(
        word for each in sources(*PRODUCTION) for word in re.findall(r'"([a-z_]+(?:\.[a-z_]+)*)"', each.text)
    )


def is_code(span: str) -> bool:
    """Whether a word of code names something that is there. Its shape tells what it is."""
    if span.startswith(("python -m ", "kubectl ")):
        return is_command(span)
    if re.fullmatch(r"[A-Z][A-Z0-9_]+", span):
        return span.lower() in Settings.model_fields
    if re.fullmatch(r"([A-Z]+[a-z]+)+\w*", span):
        return span in NAMES
    if span.startswith("POST /api"):
        return span.removeprefix("POST ") in vars(routes).values()
    if METRIC.search(span):
        return unknown_metrics(span) == set()
    return span in {*OF_OTHERS, *registry.actions(), *PROCEDURES} or span in written_words()


@pytest.mark.parametrize(("alert", "lang"), KEYS)
def test_a_runbook_has_its_four_parts_and_fits_on_a_phone(alert: str, lang: str) -> None:
    text = source(alert, lang)

    assert re.findall(r"^#+ (.*)$", text, re.MULTILINE) == HEADINGS[lang]
    if alert in PROCEDURES:
        assert len(text) < LONGEST_PROCEDURE
    else:
        assert len(re.findall(r"^\d\. ", text, re.MULTILINE)) == 3
        assert len(text) < LONGEST


def test_a_page_is_of_an_alert_an_action_or_a_procedure_and_in_both_languages() -> None:
    assert set(NAMES) >= alerts().keys()
    assert set(NAMES) <= alerts().keys() | registry.actions().keys() | set(PROCEDURES)
    assert {path.name for path in PAGES.iterdir()} == {f"{name}{SUFFIX[lang]}" for name, lang in KEYS}


@pytest.mark.parametrize("alert", alerts())
def test_an_alert_names_its_severity_service_and_runbook_and_says_what_it_means(alert: str) -> None:
    rule = alerts()[alert]

    assert rule["labels"]["severity"] in {"critical", "warning", "none"}
    assert rule["labels"]["service"]
    assert rule["annotations"]["runbook"] == alert
    assert rule["annotations"]["summary"] == sentences("en")[f"alerts.said.{alert}"]
    assert {f"alerts.{kind}.{alert}" for kind in ("name", "said")} <= sentences("fa").keys()


@pytest.mark.parametrize(("alert", "lang"), KEYS)
def test_what_a_runbook_names_is_there(alert: str, lang: Lang) -> None:
    text = source(alert, lang)

    assert unknown_metrics(text) == set()
    assert [line for line in commands(text) if not is_command(line)] == []
    assert [path for path in links(text) if not is_page(path)] == []
    assert misnamed_links(text, lang) == []
    assert [span for span in spans(text) if not is_code(span)] == []


@pytest.mark.parametrize("alert", NAMES)
def test_both_languages_name_the_same_things_in_the_same_order(alert: str) -> None:
    english, persian = source(alert, "en"), source(alert, "fa")

    assert fences(english, r"\w+") == fences(persian, r"\w+")
    assert links(english) == links(persian)
    assert sorted(spans(english)) == sorted(spans(persian))


@pytest.mark.parametrize("alert", NAMES)
def test_the_persian_page_is_written_as_persian_is_written(alert: str) -> None:
    said = prose(source(alert, "fa"))

    assert {line: faults for line in said if (faults := persian_faults(line))} == {}
    assert [line for line in said if re.search(r"(?<![A-Za-z0-9])[0-9]", line)] == []


@pytest.mark.parametrize("alert", alerts())
def test_every_metric_of_a_rule_is_told_by_somebody(alert: str) -> None:
    assert unknown_metrics(str(alerts()[alert]["expr"])) == set()


def test_what_is_not_there_is_seen() -> None:
    assert unknown_metrics("sum(portal_invoices_gone)") == {"portal_invoices_gone"}
    assert not is_command("python -m jobs run nightly_biling")
    assert not is_command("python -m backend.gone list")
    assert not is_command("kubectl -n docuchat-prod edit deploy/docuchat-api")
    assert not is_page("/billings")
    assert not is_page("/runbooks/PortalGone")
    assert misnamed_links("[Bills](/billing), [Jobs](/jobs)", "en") == ["/billing"]
    assert not is_code("METRICS_TOKENS")
    assert not is_code("PortalGone")
    assert not is_code("mail.postpond")
    assert not is_code("POST /api/v1/alarms")
    assert not is_command("kubectl get pods")
