"""The first install, by the command that operators type, with both versions of Helm."""

import pytest

from delivery.chart.manifests import secret_texts
from delivery.chart.rendering import HELMS, ChartError, lint, render, values_of

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


def test_production_tells_all_that_is_missing_at_once() -> None:
    with pytest.raises(ChartError) as refused:
        render("helm4", "--set", "production.enabled=true")

    told = [line[2:] for line in str(refused.value).splitlines() if line.startswith("- ")]
    for name in (
        "secrets.zibalMerchant",
        "ingress.host",
        "secrets.smtpUrl",
        "smtp.from",
        "secrets.databaseUrl",
        "seller.legalName, seller.economicCode, seller.nationalId, seller.registrationNumber",
    ):
        assert any(name in line for line in told), name
    assert len(told) == 6


@pytest.mark.parametrize(
    ("spoilt", "named"),
    [
        ("secrets.zibalMerchant=zibal", "secrets.zibalMerchant"),
        ("zibal.url=http://gateway.zibal.ir", "zibal.url"),
        ("ingress.tls.enabled=false", "needs TLS"),
        ("web.publicUrl=http://portal.example.com", "needs TLS"),
        ("ingress.enabled=false", "needs a host"),
        ("web.proxyHops=0", "web.proxyHops"),
        ("secrets.smtpUrl=", "secrets.smtpUrl"),
        ("seller.phone=", "give seller.phone."),
        ("backups.bucket.url=http://s3", "by https"),
    ],
)
def test_production_refuses_one_wrong_value_by_its_name(spoilt: str, named: str) -> None:
    with pytest.raises(ChartError, match=named):
        render("helm4", "--values", str(values_of("production")), "--set", spoilt)


@pytest.mark.parametrize(
    ("together", "named"),
    [
        ("secrets.databaseUrl=postgresql://a:secret@c/d", "postgresql.enabled=false, or"),
        ("postgresql.enabled=false", "without a database"),
        ("secrets.redisUrl=redis://a:6379/0", "redis.enabled=false, or"),
        ("redis.enabled=false", "10 web pods share"),
        ("web.autoscaling.minReplicas=11", "minReplicas is larger"),
        ("settings.DATABASE_POOL_SIZE=20", "raise postgresql.maxConnections"),
        ("jobs.replicas=2", "jobs.replicas=1"),
        ("backups.bucket.url=https://s3", "backups.bucket.name"),
        ("ingress.enabled=true", "needs ingress.host"),
        ("prometheus.enabled=false", "prometheus.url"),
        ("prometheus.url=https://m.example.com", "prometheus.enabled=false, or"),
        ("alertmanager.enabled=false", "alertmanager.urls"),
        ("alertmanager.urls=https://a.example.com", "alertmanager.enabled=false, or"),
        ("prometheus.url=https://m.example.com,secrets.prometheusBearerToken=token", "grafana.enabled=false"),
        ("prometheus.url=https://m.example.com,secrets.prometheusHeaders=X-A=b", "grafana.enabled=false"),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_what_to_do(together: str, named: str) -> None:
    with pytest.raises(ChartError, match=named):
        render("helm4", "--set", together)
