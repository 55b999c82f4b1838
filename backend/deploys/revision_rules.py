"""Differences between revisions. Values of environment variables are not known here, so they are not compared."""

from collections.abc import Iterator

from backend.deploys.types import ContainerTemplate, Replaced, Revision, RevisionChange


def compare(before: Revision, after: Revision) -> RevisionChange:
    """Differences of the second revision from the first one."""
    old = {one.name: one for one in before.containers}
    new = {one.name: one for one in after.containers}
    both = [(old[name], new[name]) for name in old if name in new]
    counts = (before.desired_replicas, after.desired_replicas)
    differs = counts[0] is not None and counts[1] is not None and counts[0] != counts[1]
    return RevisionChange(
        before=before.number,
        after=after.number,
        images=tuple(
            Replaced(container=was.name, before=was.image.text, after=now.image.text)
            for was, now in both
            if was.image != now.image
        ),
        resources=tuple(change for was, now in both for change in _resources(was, now)),
        environment_added=tuple(_names(new, old)),
        environment_removed=tuple(_names(old, new)),
        containers_added=tuple(name for name in new if name not in old),
        containers_removed=tuple(name for name in old if name not in new),
        replicas=(counts[0] or 0, counts[1] or 0) if differs else None,
    )


def _resources(was: ContainerTemplate, now: ContainerTemplate) -> Iterator[Replaced]:
    for kind in ("requests", "limits"):
        old, new = dict(getattr(was, kind)), dict(getattr(now, kind))
        for name in sorted({*old, *new}):
            if old.get(name) != new.get(name):
                yield Replaced(
                    container=was.name,
                    subject=f"{kind}.{name}",
                    before=old.get(name, ""),
                    after=new.get(name, ""),
                )


def _names(
    among: dict[str, ContainerTemplate], without: dict[str, ContainerTemplate]
) -> Iterator[tuple[str, str]]:
    """Container and name of the variables of containers that both have, which only the first one has."""
    for container, template in among.items():
        if container in without:
            missing = set(template.environment) - set(without[container].environment)
            yield from ((container, name) for name in sorted(missing))
