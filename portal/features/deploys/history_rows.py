"""The history of a workload as formatted strings: its revisions, what differs between two of them, and its events."""

from dataclasses import dataclass
from datetime import datetime

from backend.deploys.types import ClusterEvent, Replaced, Revision, RevisionChange
from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, text
from portal.features.deploys.rows import image_words, one_line

_NONE = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRow:
    """A revision, with links that choose it for a comparison."""

    key: str
    number: str
    image: str
    created: str
    created_s: int
    pods: str
    cause: str
    is_newest: bool
    compare_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterEventRow:
    """An event of the cluster, with how often it was seen."""

    key: str
    at: str
    at_s: int
    reason: str
    tone: str
    message: str
    about: str
    count: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionDifferenceRow:
    """A difference between two revisions."""

    key: str
    what: str
    where: str
    before: str
    after: str


def to_revision(revision: Revision, newest: int, address: str, lang: Lang) -> RevisionRow:
    """A revision in a line. ``address`` is the page with this one compared to the newest."""
    return RevisionRow(
        key=revision.name,
        number=fmt.number(revision.number, lang),
        image=", ".join(image_words(one.image) for one in revision.containers if not one.is_init),
        created=fmt.moment(revision.created_at, lang),
        created_s=int(revision.created_at.timestamp()),
        pods=fmt.number(revision.replicas, lang),
        cause=one_line(revision.cause),
        is_newest=revision.is_newest,
        compare_url=address if revision.number != newest else "",
    )


def to_event_row(number: int, event: ClusterEvent, lang: Lang) -> ClusterEventRow:
    """An event in a line."""
    return ClusterEventRow(
        key=f"{number} {event.name} {event.reason}",
        at=fmt.moment(event.last_at, lang),
        at_s=int(event.last_at.timestamp()),
        reason=event.reason,
        tone="warn" if event.is_warning else "",
        message=one_line(event.message),
        about=f"{event.kind}/{event.name}",
        count=_counted(event.count, event.first_at, lang),
    )


def _counted(count: int, first_at: datetime, lang: Lang) -> str:
    if count <= 1:
        return ""
    return text("deploy.times", lang, count=fmt.number(count, lang), at=fmt.moment(first_at, lang))


def to_differences(change: RevisionChange, lang: Lang) -> list[RevisionDifferenceRow]:
    """The differences between two revisions, a line each."""
    rows = [_replaced("image", one, lang) for one in change.images]
    rows += [_replaced("resources", one, lang) for one in change.resources]
    rows += [
        _one_side("environment", container, "", name, lang) for container, name in change.environment_added
    ]
    rows += [
        _one_side("environment", container, name, "", lang) for container, name in change.environment_removed
    ]
    rows += [_one_side("container", name, "", name, lang) for name in change.containers_added]
    rows += [_one_side("container", name, name, "", lang) for name in change.containers_removed]
    if change.replicas is not None:
        before, after = (fmt.number(count, lang) for count in change.replicas)
        rows.append(_one_side("replicas", "", before, after, lang))
    return rows


def _replaced(what: str, one: Replaced, lang: Lang) -> RevisionDifferenceRow:
    where = " · ".join(filter(None, (one.container, one.subject)))
    return _one_side(what, where, one.before, one.after, lang)


def _one_side(what: str, where: str, before: str, after: str, lang: Lang) -> RevisionDifferenceRow:
    return RevisionDifferenceRow(
        key=f"{what} {where} {before} {after}",
        what=text(f"deploy.difference.{what}", lang),
        where=where,
        before=before or _NONE,
        after=after or _NONE,
    )
