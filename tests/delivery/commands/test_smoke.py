"""The smoke test passes in front of a healthy portal and names what is wrong with another."""

from collections.abc import Iterator

import pytest

from delivery import reach, smoke
from tests.delivery.stand_in_portal import Portal, stand_in_portal


@pytest.fixture
def portal() -> Iterator[Portal]:
    with stand_in_portal() as running:
        yield running


def failed(portal: Portal, revision: str = "") -> set[str]:
    return {name for name, problem in smoke.problems(portal.url, revision, 0).items() if problem}


def test_a_healthy_portal_passes(portal: Portal) -> None:
    portal.revision = "3f1c2a9"
    assert failed(portal) == failed(portal, "3f1c2a9") == set()


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/healthz", {"the process lives", "the right commit serves"}),
        ("/readyz", {"it reaches its database"}),
        ("/lang/fa", {"the sign-in page in Persian"}),
        ("/lang/en", {"the sign-in page in English"}),
        ("/api/v1/metrics", {"metrics want a token"}),
        ("/deploys", {"pages want somebody who signed in"}),
    ],
)
def test_what_is_broken_is_named(portal: Portal, path: str, names: set[str]) -> None:
    portal.broken.add(path)
    assert failed(portal) == names


def test_the_commit_before_is_no_success(portal: Portal) -> None:
    portal.revision = "0000000"
    assert failed(portal, "3f1c2a9") == {"the right commit serves"}


def test_an_unsafe_portal_is_named(portal: Portal) -> None:
    portal.unsafe = True
    assert failed(portal) == {"the headers are safe", "metrics want a token"}


def test_a_portal_that_is_not_there_fails_every_check() -> None:
    assert len(
        {name for name, problem in smoke.problems("http://127.0.0.1:9", "", 0).items() if problem}
    ) == len(smoke.CHECKS)


@pytest.mark.parametrize("url", ["", "portal.example.com", "ftp://portal.example.com", "https://"])
def test_an_address_that_is_none_is_asked_for(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URL", url)
    assert smoke.main() == 2


def test_a_service_that_does_not_answer_is_named(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    there = [f"portal={portal.url}/readyz", f"metrics={portal.url}/api/v1/metrics"]
    assert reach.main(there) == 0
    assert reach.main([*there, "grafana=http://127.0.0.1:9/api/health"]) == 1
    assert "✗ grafana" in capsys.readouterr().out
