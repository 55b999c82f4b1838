"""``python -m delivery.chart_values``: the chart's values that come from the environment, for helm's standard input.

Secrets thus stand in no argument and no file. JSON is YAML, so helm takes it.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

# From a variable of the environment to the place in values.yaml.
PLACES: dict[str, tuple[str, ...]] = {
    "OPENAI_API_KEY": ("secrets", "openaiApiKey"),
    "DATABASE_URL": ("secrets", "databaseUrl"),
}


def values(env: Mapping[str, str]) -> dict[str, Any]:
    """The values; what is not set is left to the chart."""
    made: dict[str, Any] = {}
    for name, (*above, last) in PLACES.items():
        if env.get(name):
            place = made
            for key in above:
                place = place.setdefault(key, {})
            place[last] = env[name]
    return made


if __name__ == "__main__":
    json.dump(values(os.environ), sys.stdout)
