"""Every dashboard by the name of its file."""

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from backend.sandbox.postgres import REPOSITORY
from delivery.dashboards import backend_overview, billing_and_payments, deploys_and_runbooks, token_usage

FOLDER = REPOSITORY / "charts/docuchat/files/grafana"


def boards() -> dict[str, Dashboard]:
    """The dashboards."""
    return {
        "backend-overview.json": backend_overview.board(),
        "token-usage.json": token_usage.board(),
        "billing-and-payments.json": billing_and_payments.board(),
        "deploys-and-runbooks.json": deploys_and_runbooks.board(),
    }


def texts() -> dict[str, str]:
    """The text of each file."""
    return {
        name: json.dumps(board, cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        for name, board in boards().items()
    }
