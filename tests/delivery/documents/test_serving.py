"""The manual as it is shown while it is written: both languages at one address, each leading to the other."""

import json
import os
import subprocess
import sys
from urllib.parse import urljoin

import httpx

from backend.sandbox.processes import free_port, keep, let_go
from tests.delivery.documents.manual import ROOT


def shown(address: str) -> str:
    return httpx.get(address, timeout=20).raise_for_status().text


def test_the_manual_is_shown_in_both_languages_at_one_address() -> None:
    port = free_port()
    own = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "delivery.manual", str(port)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    with keep(
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    ) as serving:
        try:
            assert serving.stdout is not None
            assert own in serving.stdout.readline()
            persian, english = shown(urljoin(own, "usage/")), shown(urljoin(own, "en/usage/"))
            assert 'dir="rtl"' in persian
            assert '<html lang="en"' in english
            # The links that the pages themselves have to their twins.
            assert 'href="../en/usage/" hreflang="en"' in persian
            assert 'href="../../usage/" hreflang="fa"' in english
            searched = json.loads(shown(urljoin(own, "search/search_index.json")))["docs"]
            assert any("صورت‌حساب" in each["text"] for each in searched)
        finally:
            serving.terminate()
            assert serving.wait(timeout=60) == 0
            let_go(serving.pid)
