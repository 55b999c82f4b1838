"""A rollout that another one overtakes, in the emulated cluster."""

from backend.sandbox.kubernetes.deployments import DeploymentController
from backend.sandbox.kubernetes.events import Recorder
from backend.sandbox.kubernetes.store import Object, Store


def _deployment(image: str) -> Object:
    template: Object = {
        "metadata": {"labels": {"app": "api"}},
        "spec": {"containers": [{"name": "api", "image": image}]},
    }
    return {
        "metadata": {"name": "api", "namespace": "docuchat"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "api"}}, "template": template},
    }


def test_a_pod_that_is_told_to_go_spares_no_other() -> None:
    """Its set counts it as available until it is looked at again, and the pods of the second rollout take its place."""
    store = Store()
    controller, key = DeploymentController(store, Recorder(store)), ("docuchat", "api")
    deployment = store.create("deployments", _deployment("api:1"))
    for image in ("api:1", "api:2"):
        spec = deployment["spec"] | {"template": _deployment(image)["spec"]["template"]}
        deployment = store.put("deployments", store.get("deployments", *key) | {"spec": spec})
        controller.sync(key)
        for one in store.owned("replicasets", deployment):
            store.put_status("replicasets", one, {"replicas": 1, "availableReplicas": 1})
    controller.sync(key)  # the first pod is told to go

    spec = deployment["spec"] | {"template": _deployment("api:3")["spec"]["template"]}
    store.put("deployments", store.get("deployments", *key) | {"spec": spec})
    controller.sync(key)

    assert sorted(one["spec"]["replicas"] for one in store.owned("replicasets", deployment)) == [0, 1, 1]
