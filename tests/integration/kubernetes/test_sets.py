"""Stateful sets and daemon sets roll out in their order, and say so in their figures."""

from tests.integration.kubernetes.conftest import API, STRATEGIC, Json
from tests.waiting import until

SET, DAEMON = "docuchat-redis", "docuchat-log-agent"


def set_image(api: API, plural: str, name: str, image: str) -> None:
    container = {"name": name.removeprefix("docuchat-"), "image": image}
    api.patch(plural, name, {"spec": {"template": {"spec": {"containers": [container]}}}}, STRATEGIC)


def images(api: API, name: str) -> dict[str, str]:
    return {one["metadata"]["name"]: one["spec"]["containers"][0]["image"] for one in api.pods_of(name)}


def status(api: API, plural: str, name: str) -> Json:
    return dict(api.get(plural, name)["status"])


def is_whole(api: API, count: int = 2) -> bool:
    found = status(api, "statefulsets", SET)
    is_seen = found.get("observedGeneration") == api.get("statefulsets", SET)["metadata"]["generation"]
    is_new = found.get("currentRevision") == found.get("updateRevision")
    return bool(is_seen and is_new and found.get("readyReplicas") == count)


def test_a_stateful_set_grows_from_the_first_pod_and_shrinks_from_the_last(admin: API) -> None:
    until(lambda: is_whole(admin))
    born = {one["metadata"]["name"]: int(one["metadata"]["resourceVersion"]) for one in admin.pods_of(SET)}

    admin.patch("statefulsets", f"{SET}/scale", {"spec": {"replicas": 1}})
    until(lambda: set(images(admin, SET)) == {f"{SET}-0"})

    assert set(born) == {f"{SET}-0", f"{SET}-1"}
    pod = admin.pods_of(SET)[0]
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "0"
    revision = pod["metadata"]["labels"]["controller-revision-hash"]
    assert status(admin, "statefulsets", SET)["currentRevision"] == revision


def test_a_stateful_set_is_updated_from_the_last_pod_down_to_its_partition(admin: API) -> None:
    until(lambda: is_whole(admin))
    before = status(admin, "statefulsets", SET)["currentRevision"]
    strategy = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}
    admin.patch("statefulsets", SET, {"spec": strategy})

    set_image(admin, "statefulsets", SET, "redis:9")
    until(lambda: images(admin, SET).get(f"{SET}-1") == "redis:9")
    until(lambda: status(admin, "statefulsets", SET).get("readyReplicas") == 2)

    found = status(admin, "statefulsets", SET)
    assert images(admin, SET)[f"{SET}-0"] != "redis:9"
    assert found["currentRevision"] == before != found["updateRevision"]
    assert (found["updatedReplicas"], found["currentReplicas"]) == (1, 1)
    admin.patch("statefulsets", SET, {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}})
    until(lambda: is_whole(admin))
    assert set(images(admin, SET).values()) == {"redis:9"}


def test_a_daemon_set_has_a_pod_on_each_node_and_is_updated_one_by_one(admin: API) -> None:
    until(lambda: status(admin, "daemonsets", DAEMON).get("numberAvailable") == 3)
    nodes = {one["spec"]["nodeName"] for one in admin.pods_of(DAEMON)}
    least = 3

    set_image(admin, "daemonsets", DAEMON, "agent:2")

    def is_done() -> bool:
        nonlocal least
        found = status(admin, "daemonsets", DAEMON)
        least = min(least, found.get("numberAvailable", 0))
        is_seen = found["observedGeneration"] == admin.get("daemonsets", DAEMON)["metadata"]["generation"]
        figures = (found.get("updatedNumberScheduled", 0), found.get("numberAvailable", 0))
        return is_seen and figures == (3, 3)

    until(is_done)
    assert nodes == {"node-1", "node-2", "node-3"}
    assert least == 2
