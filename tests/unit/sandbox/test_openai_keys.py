"""The OpenAI sandbox's keys, asked by the vendor's own library."""

from collections.abc import Iterator

import openai
import pytest

from backend.sandbox.openai import application
from backend.sandbox.openai_keys import ADMIN_KEY, PROJECT, SERVICE_ACCOUNT
from backend.sandbox.processes import free_port
from backend.sandbox.serving import serving


@pytest.fixture
def url() -> Iterator[str]:
    with serving(application(valid_keys=["sk-first"]), free_port()) as url:
        yield f"{url}/v1"


def ask(url: str, key: str) -> None:
    with openai.OpenAI(base_url=url, api_key=key, max_retries=0) as client:
        client.chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": "ping"}])


def test_a_key_lives_from_its_creation_to_its_deletion(url: str) -> None:
    with openai.OpenAI(base_url=url, api_key="", admin_api_key=ADMIN_KEY, max_retries=0) as client:
        project = client.admin.organization.projects
        made = project.service_accounts.api_keys.create(SERVICE_ACCOUNT, project_id=PROJECT, name="new")
        ask(url, made.value)
        listed = {key.id: key for key in project.api_keys.list(PROJECT)}
        deleted = project.api_keys.delete(made.id, project_id=PROJECT)

    assert listed[made.id].last_used_at is not None
    assert made.value not in listed[made.id].redacted_value
    assert deleted.deleted
    with pytest.raises(openai.AuthenticationError):
        ask(url, made.value)


def test_a_key_that_nobody_made_is_refused_and_the_first_one_is_taken(url: str) -> None:
    ask(url, "sk-first")
    with pytest.raises(openai.AuthenticationError):
        ask(url, "sk-unknown")


def test_only_the_admin_key_may_see_the_keys(url: str) -> None:
    with (
        openai.OpenAI(base_url=url, api_key="", admin_api_key="sk-first", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.admin.organization.projects.api_keys.list(PROJECT)
