"""The dashboards of the chart are those of the code, speak PromQL, and find their source and their pages."""

import subprocess
from pathlib import Path

import yaml

from backend.sandbox import tools
from delivery.dashboards.boards import FOLDER, texts
from delivery.dashboards.parts import SOURCE
from portal import pages
from tests.delivery.compose.model import services
from tests.delivery.monitoring.reading import asked, chosen_from, files, panels

PROVISIONING = FOLDER / "provisioning"


def faults(folder: Path, *expressions: str) -> str:
    """What promtool says of expressions; empty when it is content."""
    rules = [{"record": f"asked_{number}", "expr": each} for number, each in enumerate(expressions)]
    file = folder / "asked.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    check = [tools.monitoring().promtool, "check", "rules", file]
    run = subprocess.run(check, capture_output=True, text=True, check=False)
    return "" if run.returncode == 0 else run.stdout + run.stderr


def test_the_files_are_what_the_code_makes() -> None:
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == texts(), "make dashboards"


def test_every_expression_is_promql(tmp_path: Path) -> None:
    expressions = [each.expr for each in asked()]

    assert len(expressions) > 50
    assert faults(tmp_path, *expressions) == ""
    assert "parse error" in faults(tmp_path, *expressions, "sum(rate(up[5m])")


def test_every_panel_says_what_it_means_and_has_an_id_of_its_own() -> None:
    for board in files().values():
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        titles = [panel["title"] for panel in panels(board)]
        assert len(set(titles)) == len(titles)
        assert all(panel["description"] for panel in panels(board))
        assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in board["panels"])


def test_companies_and_models_can_be_chosen() -> None:
    assert {label for _, label in chosen_from()} >= {"tenant", "model", "url"}


def test_links_lead_to_pages_that_there_are() -> None:
    urls = [link["url"] for board in files().values() for link in board["links"] if "url" in link]
    paths = {url.removeprefix("${portal}") for url in urls}

    assert all(url.startswith("${portal}/") for url in urls)
    pages.load_features()
    assert paths - {page.route for page in pages.registered()} == set()


def test_grafana_is_given_the_source_and_the_folder_that_the_dashboards_name() -> None:
    [source] = yaml.safe_load((PROVISIONING / "datasources/prometheus.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((PROVISIONING / "dashboards/docuchat.yml").read_text())["providers"]
    mounted = {each["target"]: each["source"] for each in services()["grafana"]["volumes"]}

    assert (source["uid"], source["type"]) == (SOURCE.uid, SOURCE.type_val)
    assert mounted[provider["options"]["path"]] == str(FOLDER)
    assert source["url"].removeprefix("$") in services()["grafana"]["environment"]
