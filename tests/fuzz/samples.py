"""True samples of what comes from outside, shortened."""

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

SESSION = {"trackId": 15966442233311, "result": 100, "message": "success"}
REPORT = {
    "result": 100,
    "status": 2,
    "amount": 20000,
    "orderId": "7f3",
    "refNumber": 998877,
    "cardNumber": "62741****44",
    "paidAt": "2018-03-25T23:43:01.053000",
    "verifiedAt": None,
    "message": "success",
}
CHAT = {
    "id": "chatcmpl-1",
    "model": "gpt-5.2",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Yes."}}],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 30,
        "total_tokens": 130,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 20},
        "cache_creation_input_tokens": 0,
    },
}
RESPONSE = {
    "id": "resp_1",
    "model": "gpt-5.2",
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "Yes."}]}],
    "usage": {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 20},
        "total_tokens": 130,
    },
}
EMBEDDINGS = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}
LABELS = {"alertname": "HighErrorRate", "severity": "critical", "namespace": "docuchat", "pod": "api-0"}
WEBHOOK = {
    "version": "4",
    "groupKey": "{}:{}",
    "status": "firing",
    "receiver": "portal",
    "groupLabels": LABELS,
    "commonLabels": LABELS,
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "truncatedAlerts": 0,
    "alerts": [
        {
            "status": "firing",
            "labels": LABELS,
            "annotations": {"summary": "too many errors"},
            "startsAt": "2026-11-28T11:00:00.000Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph",
            "fingerprint": "5d2c0a1b2c3d4e5f",
        }
    ],
}
DEPLOYMENT = {
    "key": "run-18211-1",
    "service": "docuchat-api",
    "version": "1.42.0",
    "started_at": "2026-11-28T10:00:00Z",
    "finished_at": "2026-11-28T10:04:00Z",
    "committed_at": "2026-11-28T08:12:00Z",
    "namespace": "docuchat",
    "workloads": ["docuchat-api"],
    "image_digest": "sha256:" + "a" * 64,
    "commit_sha": "3f1c2a9",
    "branch": "main",
    "author": "Sara Mohammadi",
    "ci_run": "https://ci.example.com/runs/18211",
    "result": "succeeded",
    "smoke_test": "passed",
}


def success(data: object) -> dict[str, Any]:
    """An answer of Prometheus; a list is the result of a query unless it holds plain words."""
    if isinstance(data, list) and all(isinstance(each, dict) for each in data):
        kind = "vector" if data and "value" in data[0] else "matrix"
        return {"status": "success", "data": {"resultType": kind, "result": data}}
    return {"status": "success", "data": data}


SERIES = {"__name__": "openai_tokens_total", "tenant": "acme", "model": "gpt-4o", "type": "prompt"}
VECTOR = [{"metric": SERIES, "value": [1669072345.38, "123"]}]
MATRIX = [{"metric": SERIES, "values": [[1669072345.38, "123"], [1669072360.38, "130"]]}]
RULES = {
    "groups": [
        {
            "name": "portal",
            "file": "alerts.yml",
            "rules": [
                {
                    "type": "alerting",
                    "name": "HighErrorRate",
                    "query": "a > 1",
                    "duration": 600,
                    "labels": {"severity": "critical"},
                    "annotations": {"summary": "x"},
                    "alerts": [],
                    "health": "ok",
                    "state": "inactive",
                }
            ],
        }
    ]
}
ALERTS = [
    {
        "fingerprint": "5d2c0a1b2c3d4e5f",
        "labels": LABELS,
        "annotations": {"summary": "too many errors"},
        "startsAt": "2026-11-28T11:00:00.000Z",
        "endsAt": "2026-11-28T11:10:00.000Z",
        "generatorURL": "http://prometheus:9090/graph",
        "status": {"state": "suppressed", "silencedBy": ["7c9e"], "inhibitedBy": [], "mutedBy": []},
    }
]
SILENCES = [
    {
        "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "matchers": [{"name": "alertname", "value": "X", "isRegex": False, "isEqual": True}],
        "startsAt": "2026-11-28T11:00:00.000Z",
        "endsAt": "2026-11-28T12:00:00.000Z",
        "updatedAt": "2026-11-28T11:00:00.000Z",
        "createdBy": "sara",
        "comment": "known",
        "status": {"state": "active"},
    }
]
STATUS = {"uptime": "2026-11-28T11:00:00.000Z", "cluster": {"status": "ready"}}

META = {
    "name": "docuchat-api",
    "namespace": "docuchat",
    "uid": "0a1b",
    "resourceVersion": "17",
    "generation": 3,
    "creationTimestamp": "2026-11-28T10:00:00Z",
    "labels": {
        "app": "docuchat-api",
        "helm.sh/chart": "docuchat-1.0.0",
        "app.kubernetes.io/version": "1.42.0",
    },
    "annotations": {
        "deployment.kubernetes.io/revision": "4",
        "deployment.kubernetes.io/desired-replicas": "3",
        "meta.helm.sh/release-name": "docuchat",
        "kubernetes.io/change-cause": "a new image",
    },
    "ownerReferences": [{"kind": "ReplicaSet", "name": "docuchat-api-5d", "uid": "0c", "controller": True}],
}
CONTAINER = {
    "name": "api",
    "image": "docuchat/api:1.42.0",
    "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"nvidia.com/gpu": 1}},
    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "docuchat-openai", "key": "value"}}}],
    "envFrom": [{"secretRef": {"name": "docuchat-jwt"}}],
}
POD_SPEC = {
    "nodeName": "node-1",
    "containers": [CONTAINER],
    "initContainers": [CONTAINER],
    "volumes": [{"name": "v", "secret": {"secretName": "docuchat-metrics"}}],
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
}
CONDITION = {
    "type": "Progressing",
    "status": "True",
    "reason": "NewReplicaSetAvailable",
    "message": "done",
    "lastTransitionTime": "2026-11-28T10:00:00Z",
}
WORKLOAD = {
    "metadata": META,
    "spec": {
        "replicas": 3,
        "paused": False,
        "selector": {"matchLabels": {"app": "docuchat-api"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "partition": 0}},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
        "template": {"metadata": {"labels": {"app": "docuchat-api"}, "annotations": {}}, "spec": POD_SPEC},
    },
    "status": {
        "observedGeneration": 3,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "currentRevision": "a",
        "updateRevision": "b",
        "desiredNumberScheduled": 3,
        "conditions": [CONDITION],
    },
}
CONTROLLER_REVISION = {"metadata": META, "revision": 4, "data": {"spec": {"template": {"spec": POD_SPEC}}}}
TERMINATED = {
    "exitCode": 137,
    "reason": "OOMKilled",
    "message": "killed",
    "startedAt": "2026-11-28T10:00:00Z",
    "finishedAt": "2026-11-28T10:01:00Z",
}
POD = {
    "metadata": META,
    "spec": POD_SPEC,
    "status": {
        "phase": "Running",
        "reason": "",
        "message": "",
        "startTime": "2026-11-28T10:00:00Z",
        "conditions": [CONDITION],
        "containerStatuses": [
            {
                "name": "api",
                "ready": False,
                "restartCount": 4,
                "image": "docuchat/api:1.42.0",
                "imageID": "docker.io/docuchat/api@sha256:" + "a" * 64,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                "lastState": {"terminated": TERMINATED},
            }
        ],
    },
}
EVENT = {
    "metadata": META,
    "type": "Warning",
    "reason": "FailedScheduling",
    "message": "0/3 nodes are available",
    "count": 7,
    "firstTimestamp": "2026-11-28T10:00:00Z",
    "lastTimestamp": "2026-11-28T10:05:00Z",
    "eventTime": None,
    "involvedObject": {"kind": "Pod", "name": "api-0", "namespace": "docuchat", "uid": "0d"},
    "source": {"component": "scheduler"},
    "series": {"count": 3, "lastObservedTime": "2026-11-28T10:05:00.000000Z"},
}
JOB = {
    "metadata": META,
    "spec": {"template": {"spec": POD_SPEC}},
    "status": {
        "active": 1,
        "failed": 0,
        "succeeded": 0,
        "startTime": "2026-11-28T10:00:00Z",
        "conditions": [CONDITION],
    },
}


def listed(item: object) -> dict[str, Any]:
    """A list as the API server answers it."""
    return {"metadata": {"resourceVersion": "42"}, "items": [item]}


def kubeconfig(url: str) -> str:
    """A kubeconfig in a file, for a server on a port."""
    path = Path(mkdtemp()) / "kubeconfig"
    path.write_text(
        f"""
apiVersion: v1
kind: Config
current-context: c
clusters: [{{name: c, cluster: {{server: {url}}}}}]
users: [{{name: u, user: {{token: t}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u, namespace: docuchat}}}}]
"""
    )
    return str(path)


MARKDOWN = [
    "# Title\n",
    "\n\n",
    "- item\n",
    "1. one\n",
    "> quoted\n",
    "| a | b |\n| --- | --- |\n| 1 | 2 |\n",
    "```bash\nrm -rf /\n```\n",
    "```",
    "    code\n",
    "[x](javascript:alert(1))",
    "[x](//evil.example)",
    "[x](/alerts?tab=1)",
    "[x](https://evil.example)",
    "![x](http://evil.example/x.png)",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:x'>y</a>",
    "<!-- hidden",
    "-->",
    "&lt;script&gt;",
    "[a]: javascript:alert(1)\n",
    "[a]",
    "`code`",
    "**bold**",
    "[" * 20,
    "*" * 20,
    "\\",
    "\0",
    "\u202e",
    "<javascript:alert(1)>",
    '" onmouseover="alert(1)',
]
