"""``python -m delivery.metrics_show [PREFIX]``: what the portal's metrics say now.

Those of Python and of the process are left out. Reads PUBLIC_URL and METRICS_TOKEN: a token stands in no argument.
"""

import os
import sys

import httpx
from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_S = 15.0
_OF_THE_RUNTIME = ("python_", "process_")


def lines(exposition: str, prefix: str) -> list[str]:
    """A line for each sample whose name begins with the prefix, without a histogram's buckets."""
    return [
        f"{sample.name}{_labels(sample.labels)} {sample.value:g}"
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if sample.name.startswith(prefix)
        and not sample.name.endswith(("_bucket", "_created"))
        and (prefix or not sample.name.startswith(_OF_THE_RUNTIME))
    ]


def _labels(labels: dict[str, str]) -> str:
    told = ", ".join(f"{name}={value}" for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def main(argv: list[str]) -> int:
    """Run the command line; returns the exit code."""
    url, token = os.environ.get("PUBLIC_URL", ""), os.environ.get("METRICS_TOKEN", "")
    if not url or not token:
        print("Set PUBLIC_URL and METRICS_TOKEN, and start again.", file=sys.stderr)
        return 2
    headers = {"authorization": f"Bearer {token}"}
    try:
        answer = httpx.get(f"{url.rstrip('/')}/api/v1/metrics", headers=headers, timeout=TIMEOUT_S)
    except httpx.HTTPError as error:
        print(f"{url} cannot be reached: {type(error).__name__}", file=sys.stderr)
        return 1
    if not answer.is_success:
        print(f"{url} answered {answer.status_code}. Is METRICS_TOKEN the portal's?", file=sys.stderr)
        return 1
    found = lines(answer.text, argv[0] if argv else "")
    print("\n".join(found) or "No sample has such a name.")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
