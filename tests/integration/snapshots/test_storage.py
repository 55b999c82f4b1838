"""The cluster's storage in the emulator: real volumes, snapshots of one instant, and Services that lead somewhere."""

import psycopg

from tests.integration.snapshots.world import CLAIM, CLAIMS, PODS, SERVER, SERVICES, SETS, World, server_spec
from tests.waiting import until

SECOND = f"{SERVER}-second"


def test_a_second_server_starts_from_a_snapshot_of_one_instant_and_a_service_is_switched_to_it(
    world: World,
) -> None:
    with psycopg.connect(world.url, autocommit=True) as first:
        first.execute("CREATE TABLE written (at int)")
        first.execute("INSERT INTO written SELECT generate_series(1, 5000)")
        world.snapshot("before")
        first.execute("INSERT INTO written VALUES (0)")

        source = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "before"}
        world.create(CLAIMS, f"data-{SECOND}-0", spec=CLAIM | {"dataSource": source})
        assert world.get(f"{CLAIMS}/data-{SECOND}-0")["status"]["phase"] == "Pending"
        labels = {"server": "second"}
        spec = server_spec() | {"selector": {"matchLabels": labels}}
        spec["template"]["metadata"] = {"labels": labels}
        world.create(SETS, SECOND, spec=spec)
        until(lambda: world.get(f"{SETS}/{SECOND}")["status"].get("readyReplicas") == 1)
        pod = world.get(f"{PODS}/{SECOND}-0")

        with psycopg.connect(world.url_at(pod["status"]["podIP"])) as second:
            assert second.execute("SELECT count(*) FROM written").fetchone() == (5000,)
        world.patch(
            f"{SERVICES}/{SERVER}",
            {
                "spec": {
                    "selector": {
                        "app.kubernetes.io/name": None,
                        "app.kubernetes.io/component": None,
                        **labels,
                    }
                }
            },
        )
        with psycopg.connect(world.url) as switched:
            assert switched.execute("SELECT count(*) FROM written").fetchone() == (5000,)
        assert first.execute("SELECT count(*) FROM written").fetchone() == (5001,)
    assert world.get(f"{CLAIMS}/data-{SECOND}-0")["status"]["phase"] == "Bound"
