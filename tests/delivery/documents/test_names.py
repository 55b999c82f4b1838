"""What the manual names is there: tests, settings, files, commands, modules, metrics, actions and pictures."""

import json
import re
from importlib.util import find_spec
from itertools import chain

import pytest
import yaml
from pydantic import TypeAdapter
from sqlalchemy.dialects import postgresql

from backend.config import Settings
from backend.invoices.models import TenantInvoiceRow
from backend.invoices.types import InvoiceStatus
from delivery import screenshots
from portal import routes
from portal.http.alerts import PostedAlerts
from portal.http.deployments import PostedDeployment
from runbooks import registry
from tests.delivery.documents.manual import DOCS, LANGUAGES, ROOT, blocks, known_tests, pages

PAGES = [(lang, name) for lang in LANGUAGES for name in pages(lang)]
TEXT = {(lang, name): page for lang in LANGUAGES for name, page in pages(lang).items()}
WHOLE = "\n".join(TEXT.values())
PAPERS = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "DECISIONS.md", "SECURITY.md", "CHANGELOG.md")


def code(page: str) -> set[str]:
    """What stands in code within sentences, with the codes of blocks beside."""
    return {found[1] for found in re.finditer(r"`([^`\n]+)`", page)}


def test_every_test_that_a_promise_names_is_one() -> None:
    named = set(re.findall(r"\b(test_[a-z0-9_]{15,})\b", WHOLE))

    assert len(named) > 30
    assert named - known_tests() == set()


def test_every_setting_that_is_named_is_one() -> None:
    known = {name.upper() for name in Settings.model_fields}
    # Of the pipeline, of the build, and of the library of metrics.
    others = {"REFLEX_ENV_MODE", "DEPLOYMENTS_TOKEN", "KUBECONFIG_B64", "PORTAL_URL", "HELM_VALUES_FILE"}
    others |= {"PROMETHEUS_MULTIPROC_DIR"}
    named = {each for each in code(WHOLE) if re.fullmatch(r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+", each)}

    assert named - known - others == set()


def test_every_target_of_make_that_is_named_is_one() -> None:
    makefiles = [ROOT / "Makefile", *(ROOT / "make").glob("*.mk")]
    known = set(
        chain.from_iterable(
            re.findall(r"^([a-z][a-z0-9-]*):", path.read_text(), re.MULTILINE) for path in makefiles
        )
    )
    papers = "\n".join((ROOT / name).read_text() for name in PAPERS)
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z0-9-]+)", WHOLE + papers, re.MULTILINE))

    assert len(named) > 3
    assert named - known == set()


def test_every_module_that_a_command_starts_is_one() -> None:
    named = set(re.findall(r"python -m ([a-z_]+(?:\.[a-z_]+)*)", WHOLE))

    assert {name for name in named if find_spec(name) is None} == set()


def test_every_file_that_is_named_is_there() -> None:
    tops = "backend|portal|jobs|runbooks|charts|tests|docs|delivery|scripts|make"
    named = {each for each in code(WHOLE) if re.fullmatch(rf"(?:{tops}|\.github)/[\w./-]+|[A-Z]+\.md", each)}
    gone = {each for each in named if not (ROOT / each).exists()}
    promised = {each for lang in LANGUAGES for each in promised_paths(pages(lang).get("devops-guide.md", ""))}

    assert gone - promised == set()


def promised_paths(page: str) -> set[str]:
    """The paths of the table "promised -> here": they are named because they are elsewhere."""
    return {each for line in page.splitlines() if line.startswith("|") for each in code(line.split("|")[1])}


def test_every_address_of_the_portal_that_is_named_is_one() -> None:
    known = {value for name, value in vars(routes).items() if name.isupper() and isinstance(value, str)}
    known |= {"/metrics", "/prometheus"}  # DocuChat's own, and an example of a path at a server of metrics
    named = {each for each in code(WHOLE) if re.fullmatch(r"/[a-z][\w/{}.-]*", each)}

    assert {each for each in named if each.partition("?")[0] not in known} == set()


def test_every_value_of_the_chart_that_is_named_is_one() -> None:
    values = yaml.safe_load((ROOT / "charts" / "docuchat" / "values.yaml").read_text())
    named = {each.partition("=")[0] for each in code(WHOLE) if each.partition(".")[0] in values}
    named = {each for each in named if re.fullmatch(r"[a-zA-Z]+(\.[a-zA-Z]+)+", each)}

    assert len(named) > 5
    for name in named:
        place = values
        for part in name.split("."):
            assert part in place, name
            place = place[part]


def test_the_table_of_actions_names_all_of_them_with_their_risk() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ?(.*?) ?\|$", pages("en")["runbooks.md"], re.MULTILINE)

    actions = registry.actions()
    assert {(name, risk, bool(undo)) for name, risk, undo in rows} == {
        (name, str(action.risk), action.undo is not None) for name, action in actions.items()
    }


def test_the_columns_of_an_invoice_are_those_of_the_table() -> None:
    table, written = TenantInvoiceRow.__table__, postgresql.dialect()
    section = pages("en")["devops-guide.md"].partition("## The columns of `tenant_invoice`")[2]
    rows = re.findall(r"^\| (`.*`) \| `(.*?)` \| (.*) \|$", section.partition("\n## ")[0], re.MULTILINE)
    told = {name: kind for names, kind, _ in rows for name in code(names)}

    short = {"TIMESTAMP WITH TIME ZONE": "timestamptz", "NUMERIC(20, 2)": "numeric(20,2)"}
    kinds = {each.name: each.type.compile(dialect=written) for each in table.columns}
    assert told == {name: short.get(kinds[name], kinds[name].lower()) for name in told}
    assert code({names: meaning for names, _, meaning in rows}["`status`"]) == set(InvoiceStatus)


@pytest.mark.parametrize(("lang", "name"), PAGES)
def test_examples_of_bodies_are_taken(lang: str, name: str) -> None:
    models = {routes.POST_DEPLOYMENT: PostedDeployment, routes.POST_ALERTS: PostedAlerts}
    for block in blocks(TEXT[lang, name]):
        if block.info == "json":
            json.loads(block.text)
        if block.mark.startswith("body of "):
            TypeAdapter(models[block.mark.removeprefix("body of ")]).validate_json(block.text)


def test_every_picture_is_there_is_small_and_is_taken_by_a_test() -> None:
    named = set(re.findall(r"assets/screenshots/([\w.-]+)", WHOLE + (ROOT / "README.md").read_text()))
    kept = {path.name: path.stat().st_size for path in (DOCS / "assets" / "screenshots").iterdir()}
    made = {kept_as for _, kept_as in screenshots.names()}
    tests = "\n".join(path.read_text() for path in (ROOT / "tests" / "e2e").glob("test_*.py"))

    assert named == set(kept) == made
    assert len(kept) <= 10
    assert {name: size for name, size in kept.items() if not 5_000 < size < 150_000} == {}
    for name in screenshots.SHOWN:
        assert (
            re.search(rf'(?:keep|screenshot)\((?:\w+, )?"{name}"', tests)
            or f"/{name}" in vars(routes).values()
        )


@pytest.mark.parametrize("paper", PAPERS)
def test_links_and_anchors_of_papers_lead_somewhere(paper: str) -> None:
    page = (ROOT / paper).read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = ROOT / path if path else ROOT / paper
        assert place.exists(), target
        if anchor:
            assert anchor in anchors(place.read_text()), target


def anchors(page: str) -> set[str]:
    """The anchors that a page's headings have where Markdown is shown."""
    words = (found[1].lower() for found in re.finditer(r"^#+ (.+)$", page, re.MULTILINE))
    return {re.sub(r"[^\w\s-]", "", word).replace(" ", "-") for word in words}
