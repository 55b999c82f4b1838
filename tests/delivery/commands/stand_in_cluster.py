"""A stand-in for a cluster behind helm and kubectl: Secrets are part of a revision, as Helm stores them."""

import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.delivery.standins import Programs

NAMESPACE, SECRET = "docuchat-prod", "docuchat-openai"
GIVEN = "docuchat.example/given-value"
_PROGRAM = """#!{python}
import json, sys
from pathlib import Path
state = Path(__file__).with_name("cluster.json")
cluster = json.loads(state.read_text())
name, argv = Path(__file__).name, sys.argv[1:]
written = sys.stdin.read()
with Path(__file__).with_name("told").open("a") as told:
    told.write(json.dumps([name, *argv]) + "\\n")
history = cluster["history"]

def put(secrets):
    for each in secrets:
        key = each["metadata"]["namespace"] + "/" + each["metadata"]["name"]
        cluster["live"][key] = each

def store(status, secrets):
    history.append({{"revision": len(history) + 1, "status": status, "secrets": secrets}})

code = 0
match [name, *argv[:1]]:
    case ["helm", "version"]:
        print(cluster["helm"])
    case ["helm", "history"]:
        if not history:
            sys.exit("Error: release: not found")
        print(json.dumps([{{"revision": e["revision"], "status": e["status"]}} for e in history]))
    case ["helm", "upgrade"]:
        code = 0 if cluster["fails"] is None else 1
        if cluster["fails"] != "before it wrote a revision":
            secrets = [*cluster["upgrade"]] or [*cluster["live"].values()]
            if not code:
                for each in history:
                    each["status"] = each["status"].replace("deployed", "superseded")
            store("failed" if code else "deployed", secrets)
            put(secrets)
            if code and {{"--atomic", "--rollback-on-failure"}} & {{*argv}} and len(history) > 1:
                put(history[-2]["secrets"])
    case ["helm", "rollback"]:
        target = int(argv[2]) if argv[2].isdigit() else len(history) - 1
        secrets = history[target - 1]["secrets"]
        put(secrets)
        store("deployed", secrets)
        code = int(cluster["rollback_fails"])
    case ["kubectl", "get"]:
        kinds = argv[1]
        items = [*cluster["live"].values()] if kinds == "secrets" else cluster["workloads"]
        print(json.dumps({{"items": items}}))
    case ["kubectl", "apply"]:
        put(json.loads(written)["items"])
state.write_text(json.dumps(cluster))
sys.exit(code)
"""


def secret(value: str, *, name: str = SECRET, given: str = "", of: str = NAMESPACE) -> dict[str, Any]:
    """A Secret of the release as the cluster holds it."""
    annotations = {"meta.helm.sh/release-namespace": of, **({GIVEN: given} if given else {})}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": of, "annotations": annotations, "resourceVersion": "7"},
        "data": {"value": base64.b64encode(value.encode()).decode()},
    }


def reader(kind: str, name: str, read: str) -> dict[str, Any]:
    """A workload whose container has a variable from a Secret."""
    variable = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": read, "key": "value"}}}
    spec = {"containers": [{"name": "one", "env": [variable]}]}
    return {"kind": kind, "metadata": {"name": name}, "spec": {"template": {"spec": spec}}}


@dataclass(slots=True)
class Cluster:
    """The state of the cluster, kept in a file that its programs share."""

    programs: Programs

    def begin(self, *history: tuple[str, dict[str, Any]], live: list[dict[str, Any]], **more: Any) -> None:
        """The release's revisions, each a status with its Secret, and what the cluster holds now."""
        revisions = [
            {"revision": number, "status": status, "secrets": [held]}
            for number, (status, held) in enumerate(history, 1)
        ]
        self._write(
            {
                "helm": "v4.3.1",
                "history": revisions,
                "live": {f"{e['metadata']['namespace']}/{e['metadata']['name']}": e for e in live},
                "workloads": [
                    reader("Deployment", "docuchat-portal", SECRET),
                    reader("StatefulSet", "docuchat-redis", "docuchat-redis"),
                ],
                "fails": None,
                "rollback_fails": False,
                "upgrade": [],
                **more,
            }
        )
        for name in ("helm", "kubectl"):
            program = self.programs.folder / name
            program.write_text(_PROGRAM.format(python=sys.executable))
            program.chmod(0o755)

    def value(self, name: str = SECRET, namespace: str = NAMESPACE) -> str:
        """What the cluster's Secret holds now."""
        held = json.loads(self._file.read_text())["live"][f"{namespace}/{name}"]
        return base64.b64decode(held["data"]["value"]).decode()

    def given(self) -> str | None:
        """The hash of the operator's value as the Secret notes it."""
        held = json.loads(self._file.read_text())["live"][f"{NAMESPACE}/{SECRET}"]
        return held["metadata"]["annotations"].get(GIVEN)

    def told(self, *beginning: str) -> list[str]:
        """The calls that begin so, each as one line."""
        lines = (self.programs.folder / "told").read_text().splitlines()
        calls = [" ".join(json.loads(line)) for line in lines]
        return [each for each in calls if each.startswith(" ".join(beginning))]

    @property
    def _file(self) -> Path:
        return self.programs.folder / "cluster.json"

    def _write(self, state: dict[str, Any]) -> None:
        self._file.write_text(json.dumps(state))
