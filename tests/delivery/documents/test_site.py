"""The manual is built in both languages without a warning, asks nobody outside, and every link leads somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.delivery.documents.manual import LANGUAGES, ROOT, pages


def build(lang: str, target: Path) -> subprocess.CompletedProcess[str]:
    """The command of `make docs`. Never with -q: it counts no warning then, and succeeds with dead links."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", f"mkdocs.{lang}.yml"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        [*command, "-d", str(target)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    for lang, target in (("fa", folder), ("en", folder / "en")):
        done = build(lang, target)
        assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_built_in_both_languages(site: Path) -> None:
    for lang, folder in (("fa", site), ("en", site / "en")):
        for name in pages(lang):
            page = folder / ("" if name == "index.md" else name.removesuffix(".md")) / "index.html"
            html = page.read_text(encoding="utf-8")
            assert f'<html lang="{lang}"' in html.replace("<!doctype html>", ""), name
            assert ('dir="rtl"' in html) == (lang == "fa"), name


def test_a_page_leads_to_its_twin(site: Path) -> None:
    assert 'href="../en/usage/" hreflang="en"' in (site / "usage/index.html").read_text()
    assert 'href="../../usage/" hreflang="fa"' in (site / "en/usage/index.html").read_text()


def test_no_page_asks_a_foreign_server(site: Path) -> None:
    """A link that a reader may click is no request; whatever a browser loads by itself is one."""
    loaded = re.compile(r"""<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")
    sheets = re.compile(r"""url\(["']?((?:https?:)?//[^"')]+)|@import\s+["']((?:https?:)?//[^"']+)""")
    found = {
        str(path.relative_to(site)): loads
        for path in site.rglob("*")
        if path.suffix in {".html", ".css"}
        if (loads := (loaded if path.suffix == ".html" else sheets).findall(path.read_text(encoding="utf-8")))
    }

    assert found == {}


def test_headings_have_readable_anchors_in_persian(site: Path) -> None:
    assert 'id="قاعده"' in (site / "usage/index.html").read_text(encoding="utf-8")


def test_a_dead_link_and_a_dead_anchor_stop_the_build(tmp_path: Path) -> None:
    """With the very configuration, but for one page that is broken."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text("# A\n\n[gone](gone.md) [nowhere](index.md#nowhere)\n")
    config = (ROOT / "mkdocs.en.yml").read_text().partition("nav:\n  - ")[0]
    config = config.replace("docs/en", str(docs)).replace("docs/theme", str(ROOT / "docs/theme"))
    (tmp_path / "mkdocs.yml").write_text(config)

    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(tmp_path / "mkdocs.yml")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "gone.md" in done.stderr
    assert "#nowhere" in done.stderr


def test_both_configurations_have_the_same_places() -> None:
    places = [
        re.findall(
            r"^  - |[\w-]+\.md",
            (ROOT / f"mkdocs.{lang}.yml").read_text().partition("\nnav:")[2],
            re.MULTILINE,
        )
        for lang in LANGUAGES
    ]

    assert places[0] == places[1]
    assert {place for place in places[0] if place.endswith(".md")} == set(pages("en"))
