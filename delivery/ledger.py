"""``python -m delivery.ledger begin|end``: tell the portal's ledger that a deployment begins, and how it ended.

Reads PORTAL_URL, DEPLOYMENTS_TOKEN and VERSION, and of GitHub's variables those that there are. What was told at the
beginning is kept in a file, so that both messages agree; the second makes up for a first that did not arrive.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

KEPT = Path(".local/deployment.json")
TRIES, PAUSE_S, TIMEOUT_S = 5, 2.0, 15.0
_TOLD_BY_GITHUB = {"branch": "GITHUB_REF_NAME", "author": "GITHUB_ACTOR"}


def begun(env: Mapping[str, str], now: datetime, commit_sha: str, committed_at: str) -> dict[str, Any]:
    """The first message about the deployment that this environment describes."""
    run, attempt = env.get("GITHUB_RUN_ID"), env.get("GITHUB_RUN_ATTEMPT", "1")
    message = {
        "key": f"run-{run}-{attempt}" if run else f"by-hand-{now:%Y%m%dT%H%M%SZ}",
        "service": "docuchat-portal",
        "version": env["VERSION"].removeprefix("v"),
        "started_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "namespace": env.get("NAMESPACE", "docuchat-prod"),
        "workloads": [f"{env.get('RELEASE', 'docuchat')}-{part}" for part in ("portal", "jobs")],
        "image_digest": env.get("WEB_DIGEST", ""),
        "commit_sha": commit_sha,
        "committed_at": committed_at,
        "ci_run": f"{env['GITHUB_SERVER_URL']}/{env['GITHUB_REPOSITORY']}/actions/runs/{run}" if run else "",
        **{field: env.get(name, "") for field, name in _TOLD_BY_GITHUB.items()},
    }
    return {name: value for name, value in message.items() if value}


def ended(first: Mapping[str, Any], env: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """The second message: UPGRADE, SMOKE and ROLLBACK hold the outcomes of those steps."""
    outcomes = {name: env.get(name, "") for name in ("UPGRADE", "SMOKE", "ROLLBACK")}
    return {**first, "finished_at": f"{now:%Y-%m-%dT%H:%M:%SZ}", **result(**outcomes)}


def result(UPGRADE: str, SMOKE: str, ROLLBACK: str) -> dict[str, str]:  # noqa: N803 (named as the variables)
    """The result and the smoke test's, from outcomes such as success, failure, cancelled and skipped."""
    smoke = {"success": "passed", "failure": "failed"}.get(SMOKE, "skipped")
    if UPGRADE == SMOKE == "success":
        return {"result": "succeeded", "smoke_test": smoke}
    if ROLLBACK == "success":
        return {"result": "rolled_back", "smoke_test": smoke}
    if "cancelled" in {UPGRADE, SMOKE}:
        return {"result": "cancelled", "smoke_test": smoke}
    return {"result": "failed", "smoke_test": smoke}


def post(url: str, token: str, message: Mapping[str, Any], pause_s: float = PAUSE_S) -> str:
    """Send a message until the door takes it; returns what went wrong, or nothing. A refusal is not repeated."""
    problem = ""
    for attempt in range(TRIES):
        time.sleep(pause_s * attempt)
        try:
            answer = httpx.post(
                f"{url.rstrip('/')}/api/v1/deployments",
                json=message,
                headers={"authorization": f"Bearer {token}"},
                timeout=TIMEOUT_S,
            )
        except httpx.HTTPError as error:
            problem = f"{url} cannot be reached: {type(error).__name__}"
            continue
        if answer.is_success:
            return ""
        problem = f"{url} answered {answer.status_code}: {answer.text[:500]}"
        if not answer.is_server_error:
            break
    return problem


def _commit() -> tuple[str, str]:
    """The checked out commit and its time; nothing outside of a repository."""
    asked = ["git", "log", "-1", "--format=%H %cI"]
    sha, _, moment = (
        subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip().partition(" ")
    )
    return sha, moment


def main(argv: list[str]) -> int:
    """Run the command line; returns the exit code."""
    env = os.environ
    missing = [name for name in ("PORTAL_URL", "DEPLOYMENTS_TOKEN", "VERSION") if not env.get(name)]
    if missing or argv not in (["begin"], ["end"]):
        print(f"Set {', '.join(missing) or 'the word begin or end'}, and start again.", file=sys.stderr)
        return 2
    now = datetime.now(UTC)
    if argv == ["begin"]:
        message = begun(env, now, *_commit())
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(message))
    elif KEPT.exists():
        message = ended(json.loads(KEPT.read_text()), env, now)
    else:
        print(
            "The beginning of this deployment is not known: make ledger-begin was not run here.",
            file=sys.stderr,
        )
        return 1
    problem = post(env["PORTAL_URL"], env["DEPLOYMENTS_TOKEN"], message)
    print(problem or f"The ledger knows {message['key']}: {message.get('result', 'running')}.")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
