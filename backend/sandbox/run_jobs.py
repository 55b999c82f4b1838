"""Runs in the stack: Jobs of the emulator, whose containers are real processes with the runner's account."""

import json
import sys
from pathlib import Path

from backend.sandbox.kubernetes.access import account_file
from backend.sandbox.kubernetes.roles import JOBS, RUNNER
from backend.sandbox.postgres import REPOSITORY
from backend.sandbox.site import Site, environment, process_environment

IMAGE = "registry.example/docuchat-portal"


def write_images(site: Site) -> Path:
    """The file that tells the emulator how to run the portal's image; its environment holds passwords."""
    path = site.state_dir / "images.json"
    env = {name: value for name, value in process_environment(site).items() if name != "KUBECONFIG"}
    entrypoint = [sys.executable, "-m", "runbooks"]
    _write(path, json.dumps({IMAGE: {"cwd": str(REPOSITORY), "env": env, "entrypoint": entrypoint}}))
    return path


def write_template(site: Site) -> Path:
    """The Job that each run's is made from, as the chart writes it in production. JSON is YAML, too."""
    pod = {
        "serviceAccountName": RUNNER,
        "terminationGracePeriodSeconds": 10,
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "runner",
                "image": f"{IMAGE}:demo",
                "env": [{"name": "BACKUP_DIR", "value": environment(site)["BACKUP_DIR"]}],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "resources": {
                    "requests": {"cpu": "100m", "memory": "256Mi"},
                    "limits": {"cpu": "1", "memory": "1Gi"},
                },
            }
        ],
    }
    spec = {"ttlSecondsAfterFinished": 600, "template": {"metadata": {"labels": _LABELS}, "spec": pod}}
    _write(
        site.run_template,
        json.dumps({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"labels": _LABELS}, "spec": spec}),
    )
    return site.run_template


def launcher_environment(site: Site) -> dict[str, str]:
    """The environment of `python -m jobs`, whose account may create and delete Jobs where runs live."""
    account = str(account_file(site.kubeconfig, JOBS))
    return {
        **process_environment(site), "KUBECONFIG": account, "JOBS_METRICS_PORT": str(site.ports["jobs"])
    }  # fmt: skip


_LABELS = {"app.kubernetes.io/name": "docuchat-portal", "app.kubernetes.io/component": "run"}


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
