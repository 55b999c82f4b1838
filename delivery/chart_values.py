"""``python -m delivery.chart_values``: the chart's values that come from the environment, for helm's standard input.

Secrets thus stand in no argument and no file. JSON is YAML, so helm takes it.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

# From a variable of the environment to the secret's name in values.yaml.
SECRETS = {
    "OPENAI_API_KEY": "openaiApiKey",
    "DATABASE_URL": "databaseUrl",
    "DEPLOYMENTS_TOKEN": "deploymentsToken",
}
DIGESTS = {"web": "WEB_DIGEST", "jobs": "JOBS_DIGEST"}


def values(env: Mapping[str, str]) -> dict[str, Any]:
    """The values; what is not set is left to the chart. A database of one's own takes the place of the chart's."""
    secrets = {key: env[name] for name, key in SECRETS.items() if env.get(name)}
    made: dict[str, Any] = {"secrets": secrets} if secrets else {}
    if "databaseUrl" in secrets:
        made["postgresql"] = {"enabled": False}
    for part, name in DIGESTS.items():
        if env.get(name):
            made[part] = {"image": _image(part, env["REGISTRY"], env[name])}
            made["image"] = {"registry": ""}
    return made


def _image(part: str, registry: str, digest: str) -> dict[str, str]:
    return {"repository": f"{registry.lower()}/portal-{part}", "digest": digest}


if __name__ == "__main__":
    json.dump(values(os.environ), sys.stdout)
