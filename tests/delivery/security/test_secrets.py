"""No secret stands in the repository, and each kind of secret would be found."""

import subprocess
from pathlib import Path

import pytest

from delivery import secret_scan

# Written in pieces, so that this file holds none.
PLANTED = {
    "a token of GitHub": "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b",
    "a key of the provider": "sk-" + "proj-" + "Ab1_" * 15,
    "an older key of the provider": "sk-" + "abcdefghijklmnopqrst" + "T3BlbkFJ" + "abcdefghijklmnopqrst",
    "a key of AWS": "AKIA" + "IOSFODNN7ABCDEFG",
    "a private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "a password in an address": "postgresql://portal:" + "Zq8-truly-secret" + "@db.example.com/portal",
    "a token that is signed": "ey" + "JhbGciOiJIUzI1NiJ9.ey" + "JzdWIiOiI3In0.c2lnbmF0dXJlLW9mLXRva2Vu",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_secret_is_found_and_not_printed(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "notes.txt").write_text(f"one line\nvalue = '{PLANTED[kind]}'\n")

    assert secret_scan.main([str(tmp_path)]) == 1

    told = capsys.readouterr().out
    assert told.startswith("notes.txt:2: ")
    assert PLANTED[kind] not in told


def test_what_is_made_up_is_known_by_its_words_alone() -> None:
    for word, count in (("password", 0), ("{password}", 0), ("${PASSWORD}", 0), ("Zq8-truly-secret", 1)):
        address = "postgresql://portal:" + word + "@db/portal"
        assert len(list(secret_scan.in_text("a.py", address.encode()))) == count, word


def test_files_that_need_the_shape_of_a_secret_are_there() -> None:
    for path, kinds in secret_scan.MADE_FOR_TESTS.items():
        content = (secret_scan.ROOT / path).read_bytes()
        assert {each.kind for each in secret_scan.in_text(f"other/{path}", content)} >= kinds
