from pathlib import Path

import pytest

from backend.sandbox.changes import Work, last_mistake, mistake_in, work_for

NOTHING = Work(build=False, restart=[])
WEB = Work(build=False, restart=["web"])
JOBS = Work(build=False, restart=["jobs"])
BOTH = Work(build=False, restart=["jobs", "web"])
BUILD = Work(build=True, restart=["web"])
ALL = Work(build=True, restart=["jobs", "web"])


@pytest.mark.parametrize(
    ("changed", "work"),
    [
        pytest.param([], NOTHING, id="nothing"),
        pytest.param(["backend/sandbox/zibal/pages.py"], NOTHING, id="the outside world"),
        pytest.param(["backend/db/migrations/versions/0099_new.py"], NOTHING, id="a migration"),
        pytest.param(["portal/features/usage/rows.py"], WEB, id="rows"),
        pytest.param(["portal/features/billing/compare_rows.py"], WEB, id="rows of a part"),
        pytest.param(["portal/features/payments/queries.py"], WEB, id="queries"),
        pytest.param(["portal/http/payments.py"], WEB, id="a plain route"),
        pytest.param(["portal/http/templates/plain.html"], WEB, id="a template of a plain route"),
        pytest.param(["jobs/send_mail.py"], JOBS, id="a job"),
        pytest.param(["backend/invoices/service.py"], BOTH, id="a service"),
        pytest.param(["backend/invoices/repository.py"], BOTH, id="a repository"),
        pytest.param(["backend/invoices/types.py"], ALL, id="types that pages know"),
        pytest.param(["backend/i18n/fa.toml"], ALL, id="a sentence"),
        pytest.param(["portal/features/usage/page.py"], BUILD, id="a page"),
        pytest.param(["portal/features/usage/state.py"], BUILD, id="a state"),
        pytest.param(["portal/layout.py"], BUILD, id="the frame of all pages"),
        pytest.param(["assets/app.css"], BUILD, id="the style sheet"),
        pytest.param(["assets/pictures/new.svg"], BUILD, id="a picture in a folder"),
        pytest.param(["rxconfig.py"], BUILD, id="Reflex's configuration"),
        pytest.param(
            ["portal/features/usage/rows.py", "assets/app.css"], BUILD, id="rows and the style sheet"
        ),
        pytest.param(["jobs/send_mail.py", "portal/home.py"], ALL, id="a job and a page"),
    ],
)
def test_a_saved_file_makes_only_the_work_that_shows_it(changed: list[str], work: Work) -> None:
    assert work_for(changed) == work


@pytest.mark.parametrize(
    ("path", "text", "mistake"),
    [
        pytest.param("a.py", "x = 1\n", None, id="whole"),
        pytest.param("a.py", "x = 1\nif x\n", "a.py, line 2: expected ':'", id="Python"),
        pytest.param(
            "a.toml", 'x = "1', "a.toml: Unterminated string (at end of document)", id="a catalogue"
        ),
        pytest.param("a.css", "body {", None, id="what is not read here"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_line(
    tmp_path: Path, path: str, text: str, mistake: str | None
) -> None:
    (tmp_path / path).write_text(text)

    assert mistake_in(tmp_path, path) == mistake


def test_a_file_that_is_gone_is_no_mistake(tmp_path: Path) -> None:
    assert mistake_in(tmp_path, "gone.py") is None


def test_a_failure_is_told_by_our_own_innermost_line(tmp_path: Path) -> None:
    output = (
        "Traceback (most recent call last):\n"
        f'  File "{tmp_path}/portal/home.py", line 12, in page\n    broken()\n'
        f'  File "{tmp_path}/.venv/lib/reflex/app.py", line 99, in add_page\n    raise\n'
        "NameError: name 'broken' is not defined\n"
        "Happened while evaluating page 'home'\n"
    )

    assert (
        last_mistake(tmp_path, output) == "portal/home.py, line 12: NameError: name 'broken' is not defined"
    )


def test_a_failure_outside_of_our_code_is_told_by_its_sentence(tmp_path: Path) -> None:
    assert last_mistake(tmp_path, "error: out of space\n\n") == "error: out of space"
    assert last_mistake(tmp_path, "") == "it ended without a word"
