"""The first install, by the command that operators type, with both versions of Helm."""

import pytest

from delivery.chart.manifests import secret_texts
from delivery.chart.rendering import HELMS, lint, render

KEY = "secrets.openaiApiKey=sk-of-the-company"


@pytest.mark.parametrize("helm", HELMS)
def test_helm_has_nothing_to_say_about_the_chart(helm: str) -> None:
    assert "0 chart(s) failed" in lint(helm, "--set", KEY)


@pytest.mark.parametrize("helm", HELMS)
def test_the_documented_command_gives_the_key_to_a_secret_and_makes_the_other_secrets(helm: str) -> None:
    secrets = {
        each["metadata"]["name"]: secret_texts(each)
        for each in render(helm, "--set", KEY)
        if each["kind"] == "Secret" and each["metadata"]["namespace"] == "docuchat-prod"
    }

    assert secrets["docuchat-openai"] == {"value": "sk-of-the-company"}
    assert len(secrets["docuchat-metrics"]["token"]) == 48
    assert secrets["docuchat-metrics"]["scrape-token"] == secrets["docuchat-metrics"]["token"]
    password = secrets["docuchat-portal-database"]["password"]
    assert secrets["docuchat-portal-database"]["url"] == (
        f"postgresql://portal:{password}@docuchat-postgresql.docuchat-prod.svc:5432/portal"
    )
    assert f"requirepass {secrets['docuchat-redis']['password']}\n" in secrets["docuchat-redis"]["redis.conf"]
