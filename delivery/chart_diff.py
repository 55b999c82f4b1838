"""``python -m delivery.chart_diff``: show how the release on standard input, helm's JSON, differs from the cluster.

Secrets are masked by kubectl. Ends with 0 also where something differs, and with 1 where kubectl cannot tell.
"""

import json
import os
import subprocess
import sys

# Helm adds these to what it applies, so they would be shown as taken away.
_OF_HELM = "meta.helm.sh/"
DIFFERS = 1


def without_helms_own(shown: str) -> str:
    """A diff without the lines about helm's own annotations."""
    kept = [line for line in shown.splitlines() if _OF_HELM not in line]
    return "\n".join(kept)


def main() -> int:
    """Run the command line; returns the exit code."""
    manifest = json.load(sys.stdin)["manifest"]
    asked = ["kubectl", "diff", "--server-side", "--field-manager=helm", "--filename=-"]
    namespace = ["--namespace", os.environ["NAMESPACE"]] if os.environ.get("NAMESPACE") else []
    done = subprocess.run([*asked, *namespace], input=manifest, capture_output=True, text=True, check=False)
    if done.returncode > DIFFERS:
        print(done.stderr.strip(), file=sys.stderr)
        return 1
    print(without_helms_own(done.stdout) or "Nothing would change.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
