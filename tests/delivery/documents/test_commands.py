"""Every block of commands says how it is proven, and what is marked to be run is run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.delivery.documents.manual import ROOT, Block, blocks, known_tests, pages

SHELL = [(name, block) for name, page in pages("en").items() for block in blocks(page) if block.info == "sh"]
MARKS = re.compile(r"run|proven: (test_\w+)|by hand: [a-z].{10,}")


@pytest.mark.parametrize(("name", "block"), SHELL, ids=[f"{name}-{i}" for i, (name, _) in enumerate(SHELL)])
def test_a_block_of_commands_says_how_it_is_proven(name: str, block: Block) -> None:
    found = MARKS.fullmatch(block.mark)

    assert found, f"{name}: {block}"
    assert found[1] is None or found[1] in known_tests()


RUN = [line for _, block in SHELL if block.mark == "run" for line in block.text.splitlines() if line.strip()]


@pytest.mark.parametrize("command", list(dict.fromkeys(RUN)))
def test_what_is_marked_to_be_run_succeeds(command: str) -> None:
    folders = [str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = {**os.environ, "PATH": os.pathsep.join(folders), "ENVIRONMENT": "development"}
    done = subprocess.run(
        ["/bin/sh", "-ec", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout
