import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from backend.i18n.catalog import text
from portal.plugins import NewVersionPlugin, SameOriginPlugin, VazirmatnPlugin
from portal.plugins.csp import inline_script_hashes
from portal.plugins.new_version import in_both_languages
from portal.plugins.same_origin import with_page_origin
from portal.plugins.stable_lock import one_form
from portal.plugins.vazirmatn import without_dead_faces


def test_each_inline_script_is_hashed_and_files_are_not() -> None:
    html = b"<script>one()</script><script src='/a.js'></script><script type=\"module\">\ntwo()</script>"

    hashes = inline_script_hashes(html)

    expected = {b64encode(sha256(body).digest()).decode() for body in (b"one()", b"\ntwo()")}
    assert hashes == {f"'sha256-{digest}'" for digest in expected}


@pytest.mark.parametrize("quote", ["`", "'", '"'])
def test_baked_addresses_become_the_origin_of_the_page(quote: str) -> None:
    script = f"var e={{PING:{quote}http://localhost:8000/ping{quote},EVENT:{quote}ws://localhost:8000/_event{quote}}}"

    changed, found = with_page_origin(script)

    assert found == 2
    assert "localhost" not in changed
    assert "EVENT:location.origin.replace(/^http/,`ws`)+`/_event`" in changed


def test_a_build_without_the_address_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("nothing()")

    with pytest.raises(RuntimeError, match="SameOriginPlugin"):
        SameOriginPlugin().post_build(static_dir=tmp_path)


def test_the_package_list_has_one_form_however_it_was_written() -> None:
    compact, spread = '{"b": 1, "a": {"c": []}}', '{\n  "b": 1,\n  "a": {"c": []}\n}'

    assert one_form(compact) == one_form(spread) == one_form(one_form(compact))


@pytest.mark.parametrize("quote", ["`", "'", '"'])
def test_the_news_of_a_new_version_is_told_in_the_pages_language(quote: str) -> None:
    script = (
        f"e.append({quote}A new version of this app is available.{quote});"
        f"let t=document.createElement({quote}button{quote});t.textContent={quote}Reload{quote},t.onclick=go"
    )

    changed, found = in_both_languages(script)

    assert found == 2
    assert "this app" not in changed
    for key in ("state.new_version", "state.reload"):
        for lang in ("fa", "en"):
            assert json.dumps(text(key, lang)) in changed


def test_a_build_that_would_tell_it_in_english_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("e.append(`A new version of this app is available.`)")

    with pytest.raises(RuntimeError, match="1 of Reflex's 2 sentences"):
        NewVersionPlugin().post_build(static_dir=tmp_path)


FACE = "@font-face {{ font-family: V; src: url({}) format('woff2'); }}"


def test_the_typeface_of_both_languages_lies_in_the_sheet(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    for script in ("arabic", "latin", "latin-ext"):
        (tmp_path / f"assets/vazirmatn-{script}-wght-normal-A_b1.woff2").write_bytes(script.encode())
    addresses = [
        f"/assets/vazirmatn-{script}-wght-normal-A_b1.woff2" for script in ("arabic", "latin", "latin-ext")
    ]
    sheet = tmp_path / "root.css"
    sheet.write_text("".join(FACE.format(address) for address in addresses))

    VazirmatnPlugin().post_build(static_dir=tmp_path)

    embedded = [f"data:font/woff2;base64,{b64encode(script).decode()}" for script in (b"arabic", b"latin")]
    assert sheet.read_text() == "".join(FACE.format(address) for address in [*embedded, addresses[2]])


def test_a_build_without_the_typeface_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root.css").write_text("body {}")

    with pytest.raises(RuntimeError, match="Vazirmatn"):
        VazirmatnPlugin().post_build(static_dir=tmp_path)


def test_a_face_whose_address_leads_nowhere_is_dropped() -> None:
    sheet = "a {} " + FACE.format("./files/vazirmatn-arabic-wght-normal.woff2") + " b {}"

    assert without_dead_faces(sheet) == "a {}  b {}"
