"""The emulator and a real API server keep the same contract; the real one is asked when KUBECONFIG_IT is set."""

import base64
import json
import secrets
from collections.abc import Iterator

import pytest
from lightkube.core.exceptions import ApiError
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap

from tests.integration.kubernetes.contract import (
    APPLY,
    JSON_PATCH,
    MERGE,
    SERVERS,
    STRATEGIC,
    Json,
    Server,
    condition,
    deployment,
    job,
    serving,
)
from tests.integration.kubernetes.installed_roles import Asked, InstalledRoles
from tests.waiting import until

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(request.param, tmp_path_factory.mktemp("contract")) as found:
        yield found


@pytest.fixture
def name() -> str:
    return f"c-{secrets.token_hex(4)}"


@pytest.fixture
def subject(server: Server, name: str) -> Json:
    return server.made_of("deployments", deployment(name))


def test_a_new_object_gets_its_identity(server: Server, subject: Json, name: str) -> None:
    meta = subject["metadata"]

    assert (meta["name"], meta["namespace"], meta["generation"]) == (name, server.namespace, 1)
    assert len(meta["uid"]) == 36
    assert meta["creationTimestamp"].endswith("Z")
    assert int(meta["resourceVersion"]) > 0
    assert meta["managedFields"][0]["operation"] == "Update"


def test_a_taken_name_already_exists(server: Server, subject: Json, name: str) -> None:
    answer = server.create("deployments", deployment(name))

    assert (answer.status_code, answer.json()["reason"]) == (409, "AlreadyExists")
    assert answer.json()["details"] == {"name": name, "group": "apps", "kind": "deployments"}


def test_a_merge_patch_replaces_lists_and_removes_what_is_null(
    server: Server, subject: Json, name: str
) -> None:
    other = [{"name": "other", "image": "example/other:1"}]
    patch = {"metadata": {"labels": {"app": None}}, "spec": {"template": {"spec": {"containers": other}}}}

    after = server.patch("deployments", name, patch, MERGE).json()

    assert [one["name"] for one in after["spec"]["template"]["spec"]["containers"]] == ["other"]
    assert "app" not in after["metadata"].get("labels", {})


def test_a_strategic_patch_merges_containers_by_name(server: Server, subject: Json, name: str) -> None:
    containers = [{"name": "main", "image": "example/main:2"}, {"name": "side", "image": "example/side:1"}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}

    server.patch("deployments", name, patch, STRATEGIC)
    gone = {"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}}
    after = server.patch("deployments", name, gone, STRATEGIC).json()

    assert [one["image"] for one in after["spec"]["template"]["spec"]["containers"]] == ["example/main:2"]


def test_the_generation_rises_with_the_specification_and_with_a_deployments_annotations(
    server: Server, subject: Json, name: str
) -> None:
    patches = [{"labels": {"x": "y"}}, {"annotations": {"note": "x"}}]

    seen = [
        server.patch("deployments", name, {"metadata": one}).json()["metadata"]["generation"]
        for one in patches
    ]
    scaled = server.patch("deployments", name, {"spec": {"minReadySeconds": 1}}).json()

    assert [*seen, scaled["metadata"]["generation"]] == [1, 2, 3]


def test_a_write_for_an_older_version_is_a_conflict(server: Server, name: str) -> None:
    first = server.made_of("configmaps", {"metadata": {"name": name}, "data": {"a": "1"}})
    server.patch("configmaps", name, {"data": {"a": "2"}}, MERGE)

    answer = server.http.put(server.path("configmaps", name), json=first | {"data": {"a": "3"}})

    assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")
    assert server.get("configmaps", name)["data"] == {"a": "2"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"labelSelector": "colour=red"}, "ab"),
        ({"labelSelector": "colour!=red,kind=selected"}, "c"),
        ({"labelSelector": "colour in (red, blue),kind"}, "abc"),
        ({"labelSelector": "kind=selected,!shape"}, "bc"),
        ({"labelSelector": "kind=selected", "fieldSelector": "metadata.name=selected-c"}, "c"),
        ({"labelSelector": "kind=selected", "fieldSelector": "metadata.name!=selected-c"}, "ab"),
    ],
)
def test_lists_obey_selectors(server: Server, query: dict[str, str], found: str) -> None:
    labels: Json = {
        "a": {"colour": "red", "shape": "round"},
        "b": {"colour": "red"},
        "c": {"colour": "blue"},
    }
    for letter, own in labels.items():
        meta = {"name": f"selected-{letter}", "labels": own | {"kind": "selected"}}
        server.create("configmaps", {"metadata": meta})

    names = [one["metadata"]["name"] for one in server.items("configmaps", **query)]

    assert names == [f"selected-{letter}" for letter in found]


def test_a_watch_from_a_version_tells_each_later_change(server: Server, name: str) -> None:
    version = server.http.get(server.path("configmaps")).json()["metadata"]["resourceVersion"]
    server.create("configmaps", {"metadata": {"name": name}})
    server.patch("configmaps", name, {"data": {"a": "1"}}, MERGE)
    server.http.delete(server.path("configmaps", name))

    watched = server.lightkube.watch(
        ConfigMap, namespace=server.namespace, resource_version=version, fields={"metadata.name": name}
    )
    changes = [next(watched) for _ in range(3)]

    assert [change for change, _ in changes] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(one.metadata.resourceVersion) for _, one in changes]
    assert versions == sorted(set(versions))


def test_a_watch_with_a_selector_sees_an_object_come_and_go(server: Server, name: str) -> None:
    version = server.http.get(server.path("configmaps")).json()["metadata"]["resourceVersion"]
    server.create("configmaps", {"metadata": {"name": name}})
    for value in ("yes", "no"):
        server.patch("configmaps", name, {"metadata": {"labels": {"seen": value}}}, MERGE)

    changes = watched(server, resourceVersion=version, labelSelector="seen=yes", timeoutSeconds="1")

    assert [one["type"] for one in changes] == ["ADDED", "DELETED"]


def test_a_watch_that_allows_them_ends_with_a_bookmark(server: Server, name: str) -> None:
    listed = server.http.get(server.path("configmaps")).json()["metadata"]["resourceVersion"]
    server.create("configmaps", {"metadata": {"name": name}})

    query = {"resourceVersion": listed, "timeoutSeconds": "1", "allowWatchBookmarks": "true"}
    changes = watched(server, **query)

    assert changes[0]["type"] == "ADDED"
    assert {one["type"] for one in changes[1:]} <= {"BOOKMARK"}
    assert all(int(one["object"]["metadata"]["resourceVersion"]) > int(listed) for one in changes)


def test_a_watch_from_a_forgotten_version_is_gone(server: Server) -> None:
    changes = watched(server, resourceVersion="1", timeoutSeconds="5")

    assert [(one["type"], one["object"]["code"], one["object"]["reason"]) for one in changes] == [
        ("ERROR", 410, "Expired")
    ]


def watched(server: Server, **query: str) -> list[Json]:
    path = server.path("configmaps")
    with server.http.stream("GET", path, params={"watch": "true", **query}) as answer:
        return [json.loads(line) for line in answer.iter_lines() if line]


def test_the_scale_subresource_changes_the_replicas_alone(server: Server, subject: Json, name: str) -> None:
    answer = server.patch("deployments", f"{name}/scale", {"spec": {"replicas": 2}}, MERGE)

    assert (answer.json()["kind"], answer.json()["spec"]["replicas"]) == ("Scale", 2)
    assert answer.json()["status"]["selector"] == f"app={name}"
    after = server.get("deployments", name)
    assert after["spec"] == subject["spec"] | {"replicas": 2}


def test_a_dry_run_shows_and_keeps_nothing(server: Server, subject: Json, name: str) -> None:
    shown = server.patch("deployments", name, {"spec": {"replicas": 7}}, dryRun="All").json()
    created = server.create("deployments", deployment(f"{name}-dry"), dryRun="All")

    assert (shown["spec"]["replicas"], created.status_code) == (7, 201)
    assert server.get("deployments", name)["spec"]["replicas"] == 0
    assert server.http.get(server.path("deployments", f"{name}-dry")).status_code == 404
    moved = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 7}}
    assert server.patch("deployments", name, moved, dryRun="All").status_code == 409
    assert server.create("deployments", deployment(name), dryRun="All").status_code == 409
    as_json = [{"op": "add", "path": "/metadata/resourceVersion", "value": "1"}]
    for query in ({}, {"dryRun": "All"}):
        answer = server.patch("deployments", name, as_json, JSON_PATCH, **query)
        assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")
    scale = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 7}}
    assert server.patch("deployments", f"{name}/scale", scale, MERGE).status_code == 409


def test_an_apply_conflicts_with_another_manager_unless_it_is_forced(server: Server, name: str) -> None:
    config = deployment(name, replicas=1)
    server.patch("deployments", name, config, APPLY, fieldManager="first")
    other = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 2},
    }

    refused = server.patch("deployments", name, other, APPLY, fieldManager="second")
    forced = server.patch("deployments", name, other, APPLY, fieldManager="second", force="true")

    assert (refused.status_code, refused.json()["reason"]) == (409, "Conflict")
    cause = refused.json()["details"]["causes"][0]
    assert cause == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "first"',
        "field": ".spec.replicas",
    }
    assert forced.json()["spec"]["replicas"] == 2


def test_an_apply_removes_what_its_manager_no_longer_wants(server: Server, name: str) -> None:
    config: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    server.patch("configmaps", name, config | {"data": {"a": "1", "b": "2"}}, APPLY, fieldManager="one")
    server.patch("configmaps", name, {"data": {"c": "3"}}, MERGE)

    server.patch("configmaps", name, config | {"data": {"a": "1"}}, APPLY, fieldManager="one")

    assert server.get("configmaps", name)["data"] == {"a": "1", "c": "3"}


def test_an_unknown_token_is_unauthorized(server: Server) -> None:
    with server.stranger() as stranger:
        answer = stranger.get(server.path("pods"))

    assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized")


def test_an_account_without_a_role_is_forbidden_by_name_verb_and_resource(server: Server) -> None:
    user = f"system:serviceaccount:{server.namespace}:nobody"

    answer = server.http.get(server.path("deployments"), headers={"impersonate-user": user})

    assert (answer.status_code, answer.json()["reason"]) == (403, "Forbidden")
    text = (
        f'deployments.apps is forbidden: User "{user}" cannot list resource "deployments" in API group "apps"'
        f' in the namespace "{server.namespace}"'
    )
    assert answer.json()["message"].startswith(text)


@pytest.mark.parametrize(
    ("about", "is_allowed"),
    [
        ({"user": "system:serviceaccount:x:nobody"}, False),
        ({"user": "x", "groups": ["system:masters"]}, True),
    ],
)
def test_an_access_review_answers_about_another_account(
    server: Server, about: Json, *, is_allowed: bool
) -> None:
    attributes = {
        "namespace": server.namespace,
        "verb": "patch",
        "group": "apps",
        "resource": "deployments",
        "name": "x",
    }
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "LocalSubjectAccessReview"}
    review = kind | {
        "metadata": {"namespace": server.namespace},
        "spec": about | {"resourceAttributes": attributes},
    }
    path = f"/apis/authorization.k8s.io/v1/namespaces/{server.namespace}/localsubjectaccessreviews"

    answer = server.http.post(path, json=review)

    assert (answer.status_code, answer.json()["status"]["allowed"]) == (201, is_allowed)


def test_a_review_about_another_namespace_than_its_own_is_refused(server: Server) -> None:
    attributes = {"namespace": "default", "verb": "get", "resource": "pods"}
    kind = {"apiVersion": "authorization.k8s.io/v1", "kind": "LocalSubjectAccessReview"}
    review = kind | {
        "metadata": {"namespace": server.namespace},
        "spec": {"user": "x", "resourceAttributes": attributes},
    }
    path = f"/apis/authorization.k8s.io/v1/namespaces/{server.namespace}/localsubjectaccessreviews"

    assert server.http.post(path, json=review).status_code in {400, 422}


def test_a_list_in_pages_is_one_list(server: Server) -> None:
    for letter in "abcde":
        server.create("configmaps", {"metadata": {"name": f"page-{letter}", "labels": {"pages": "yes"}}})
    query = {"labelSelector": "pages=yes", "limit": "2"}
    pages = [server.http.get(server.path("configmaps"), params=query).json()]
    server.http.delete(server.path("configmaps", "page-e"))

    while token := pages[-1]["metadata"].get("continue"):
        pages.append(server.http.get(server.path("configmaps"), params=query | {"continue": token}).json())

    assert [len(one["items"]) for one in pages] == [2, 2, 1]
    assert len({one["metadata"]["resourceVersion"] for one in pages}) == 1


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("spec", "template", "metadata", "labels", "app"), "other", "spec.template.metadata.labels"),
        (("spec", "replicas"), -1, "spec.replicas"),
        (("spec", "template", "spec", "containers"), [], "spec.template.spec.containers"),
        (("metadata", "name"), "Not_A_Name", "metadata.name"),
    ],
)
def test_an_invalid_object_is_refused_with_the_field(
    server: Server, name: str, path: tuple[str, ...], value: object, field: str
) -> None:
    wanted = deployment(name)
    home = wanted
    for step in path[:-1]:
        home = home[step]
    home[path[-1]] = value

    answer = server.create("deployments", wanted)

    assert (answer.status_code, answer.json()["reason"]) == (422, "Invalid")
    assert field in {one["field"] for one in answer.json()["details"]["causes"]}


def test_a_selector_cannot_be_changed(server: Server, subject: Json, name: str) -> None:
    labels = {"app": name, "more": "x"}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}

    answer = server.patch("deployments", name, {"spec": spec}, MERGE)

    assert (answer.status_code, answer.json()["details"]["causes"][0]["field"]) == (422, "spec.selector")


def test_what_cannot_be_read_is_a_bad_request(server: Server, name: str) -> None:
    answer = server.create("deployments", deployment(name, replicas="many"))  # type: ignore[arg-type] # the point

    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


def test_the_status_is_written_through_its_own_door_only(server: Server, subject: Json, name: str) -> None:
    server.patch("deployments", name, {"status": {"readyReplicas": 99}}, MERGE)
    before = server.get("deployments", name)
    paused = {"spec": {"paused": True}, "status": {"collisionCount": 3}}
    after = server.patch("deployments", f"{name}/status", paused, MERGE).json()

    assert before["status"].get("readyReplicas", 0) == 0
    assert (after["spec"].get("paused", False), after["status"]["collisionCount"]) == (False, 3)


def test_a_secrets_plain_texts_are_only_for_writing(server: Server, name: str) -> None:
    secret = server.made_of("secrets", {"metadata": {"name": name}, "stringData": {"key": "value"}})

    assert secret["data"] == {"key": base64.b64encode(b"value").decode()}
    assert (secret["type"], "stringData" in secret) == ("Opaque", False)


def test_the_server_fills_in_what_a_deployment_does_not_say(server: Server, subject: Json) -> None:
    spec = subject["spec"]
    pod = spec["template"]["spec"]

    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    assert (pod["restartPolicy"], pod["terminationGracePeriodSeconds"]) == ("Always", 30)
    assert pod["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert pod["containers"][0]["terminationMessagePath"] == "/dev/termination-log"


def test_a_deployment_makes_a_replica_set_of_its_first_revision(server: Server, name: str) -> None:
    server.create("deployments", deployment(name, replicas=1))
    until(lambda: server.items("replicasets", labelSelector=f"app={name}"))

    made = server.items("replicasets", labelSelector=f"app={name}")[0]

    owner = made["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Deployment", name, True)
    assert made["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert made["metadata"]["name"] == f"{name}-{made['metadata']['labels']['pod-template-hash']}"
    until(lambda: server.items("pods", labelSelector=f"app={name}"))
    assert server.get("deployments", name)["metadata"]["generation"] == 1


def test_a_list_can_be_a_table(server: Server, subject: Json, name: str) -> None:
    answer = server.http.get(server.path("deployments"), headers={"accept": TABLE}).json()

    columns = [one["name"] for one in answer["columnDefinitions"]]
    row = next(one for one in answer["rows"] if one["cells"][0] == name)
    assert (answer["kind"], columns[:4]) == ("Table", ["Name", "Ready", "Up-to-date", "Available"])
    assert row["cells"][1] == "0/0"
    assert row["object"]["metadata"]["name"] == name


def test_a_deleted_object_is_not_found_and_takes_along_what_it_made(server: Server, name: str) -> None:
    server.create("deployments", deployment(name, replicas=1))
    until(lambda: server.items("pods", labelSelector=f"app={name}"))

    body = {"propagationPolicy": "Background"}
    gone = server.http.request("DELETE", server.path("deployments", name), json=body)

    assert (gone.status_code, gone.json()["status"]) == (200, "Success")
    with pytest.raises(ApiError, match="not found"):
        server.lightkube.get(Deployment, name, namespace=server.namespace)
    until(lambda: not server.items("replicasets", labelSelector=f"app={name}"))


def test_an_exceeded_quota_stands_in_the_deployment_and_leaves_no_pod(server: Server, name: str) -> None:
    home = full_namespace(server)
    server.made_of("deployments", deployment(name, replicas=1), home)

    until(lambda: condition(server.get("deployments", name, home), "ReplicaFailure"))

    failure = condition(server.get("deployments", name, home), "ReplicaFailure")
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    assert "exceeded quota: full, requested: pods=1, used: pods=0, limited: pods=0" in failure["message"]
    assert server.items("pods", home) == []


def test_of_a_refused_job_only_an_event_tells(server: Server, name: str) -> None:
    home = full_namespace(server)
    server.made_of("jobs", job(name), home)

    def told() -> list[Json]:
        events = server.items("events", home, fieldSelector="involvedObject.kind=Job")
        return [one for one in events if one["reason"] == "FailedCreate"]

    until(told)

    assert (told()[0]["type"], told()[0]["involvedObject"]["name"]) == ("Warning", name)
    assert "exceeded quota" in told()[0]["message"]
    assert server.items("pods", home) == []
    assert "conditions" not in server.get("jobs", name, home)["status"]


def full_namespace(server: Server) -> str:
    home = server.new_namespace()
    server.made_of("resourcequotas", {"metadata": {"name": "full"}, "spec": {"hard": {"pods": "0"}}}, home)
    until(lambda: server.get("resourcequotas", "full", home)["status"].get("hard") == {"pods": "0"})
    return home


def test_a_violated_pod_security_standard_stands_in_the_deployment(server: Server, name: str) -> None:
    home = server.new_namespace(**{"pod-security.kubernetes.io/enforce": "restricted"})
    server.made_of("deployments", deployment(name, replicas=1), home)

    until(lambda: condition(server.get("deployments", name, home), "ReplicaFailure"))

    failure = condition(server.get("deployments", name, home), "ReplicaFailure")
    assert failure["reason"] == "FailedCreate"
    assert 'violates PodSecurity "restricted:latest"' in failure["message"]
    assert 'must set securityContext.capabilities.drop=["ALL"]' in failure["message"]
    assert server.items("pods", home) == []


@pytest.fixture(scope="module")
def roles(server: Server) -> Iterator[InstalledRoles]:
    installed = InstalledRoles(server=server)
    if server.is_real:
        installed.install()
    yield installed
    installed.remove()


def test_each_account_may_what_its_role_says_there_and_by_that_name_alone(roles: InstalledRoles) -> None:
    for account in roles.accounts():
        granted = roles.granted(account)

        def beside(asked: Asked) -> set[Asked]:
            verb, group, resource, name, namespace = asked
            other = "docuchat-portal" if name else ""
            places = {roles.home, roles.runbooks, "kube-system", ""}
            return {
                (verb, group, resource, other, namespace),
                ("deletecollection", group, resource, "", namespace),
                ("update", group, resource, name, namespace),
                *((verb, group, resource, name, place) for place in places),
            }

        asked = granted.union(*map(beside, granted))
        assert {one for one in asked if roles.may(account, one)} == {
            one for one in asked if one in granted or (*one[:3], "", one[4]) in granted
        }
