"""Tokens of doors: the command prints a token and its hash, and only that token opens."""

import re

import pytest

from backend.doors import tokens
from backend.doors.__main__ import main


def test_the_command_prints_a_token_and_the_hash_that_it_opens(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-token"]) == 0

    token, printed = re.findall(r": +(\S+)$", capsys.readouterr().out, re.MULTILINE)
    assert len(token) >= 43
    assert tokens.opens(f"Bearer {token}", tokens.hashes_in(printed))
    assert not tokens.opens(f"Bearer {tokens.new_token()}", tokens.hashes_in(printed))
