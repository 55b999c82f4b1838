"""Decisions about deployments: what a later message may change, and which deployment caused a rollout."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from backend.deploys.ledger_types import DeployRecord, DeployResult, NewDeploy, RolloutTrace

# Clocks of build machines are seldom further off.
CLOCK_SKEW = timedelta(minutes=5)
OLDEST_START = timedelta(days=366)
LONGEST_DEPLOY = timedelta(days=7)
OLDEST_COMMIT = timedelta(days=20 * 366)

# The sender tells the end of a deployment after the rollout began, or while a slow one is still under way.
STARTS_BEFORE = timedelta(minutes=2)
ROLLS_OUT_AFTER_END = timedelta(minutes=10)
LONGEST_WITHOUT_END = timedelta(hours=2)

# Told once and for all. The others may be told later, and then stay too.
_FROM_THE_BEGINNING = ("service", "version", "started_at", "environment")
_FILLED_ONCE = (
    "namespace",
    "workloads",
    "image_digest",
    "commit_sha",
    "branch",
    "author",
    "ci_run",
    "committed_at",
    "smoke_test",
)


class ContradictionError(Exception):
    """A message says something else than an earlier one with the same key; ``field`` says of what."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(field)


def fault_of(new: NewDeploy, now: datetime) -> tuple[str, str] | None:
    """Field whose time cannot be, and why; None when all fit. A result other than running goes with an end."""
    if not now - OLDEST_START <= new.started_at <= now + CLOCK_SKEW:
        return "started_at", "time_out_of_range"
    if (new.finished_at is None) != (new.result == DeployResult.RUNNING):
        return "finished_at", "end_without_result" if new.finished_at else "result_without_end"
    if new.finished_at and not new.started_at <= new.finished_at <= now + CLOCK_SKEW:
        return "finished_at", "time_out_of_range"
    if new.finished_at and new.finished_at - new.started_at > LONGEST_DEPLOY:
        return "finished_at", "too_long"
    if new.committed_at and not now - OLDEST_COMMIT <= new.committed_at <= new.started_at + CLOCK_SKEW:
        return "committed_at", "time_out_of_range"
    return None


def merged(stored: NewDeploy, new: NewDeploy) -> NewDeploy:
    """Everything known of a deployment after one more message about it.

    A message adds what was not told before and repeats the rest. The end is told once: a late message that it still
    runs changes nothing. A repeated message, in any order, leads to the same. Raises ContradictionError.
    """
    for name in _FROM_THE_BEGINNING:
        if getattr(stored, name) != getattr(new, name):
            raise ContradictionError(name)
    told: dict[str, Any] = {
        name: _filled(name, getattr(stored, name), getattr(new, name)) for name in _FILLED_ONCE
    }
    ending = _ending(stored, new)
    return replace(stored, **told, result=ending.result, finished_at=ending.finished_at)


def _filled(name: str, before: object, now: object) -> object:
    if before and now and before != now:
        raise ContradictionError(name)
    return before or now


def _ending(stored: NewDeploy, new: NewDeploy) -> NewDeploy:
    if stored.result == DeployResult.RUNNING:
        return new
    if new.result != DeployResult.RUNNING:
        for name in ("result", "finished_at"):
            if getattr(stored, name) != getattr(new, name):
                raise ContradictionError(name)
    return stored


def is_silent(told: NewDeploy, now: datetime) -> bool:
    """Whether the end of a deployment should have been told by now."""
    return told.result == DeployResult.RUNNING and now - told.started_at > LONGEST_WITHOUT_END


def ci_link(ci_run: str, hosts: Collection[str]) -> str:
    """The address of a run where a page may link to it: https, a known host, no port and no user; else empty.

    A browser reads a backslash as a slash, and so another host than Python does.
    """
    with suppress(ValueError):
        parts = urlsplit(ci_run)
        is_plain = parts.scheme == "https" and "@" not in parts.netloc and "\\" not in ci_run
        if is_plain and parts.port is None and parts.hostname in hosts:
            return ci_run
    return ""


def cause_of(rollout: RolloutTrace, records: Iterable[DeployRecord]) -> DeployRecord | None:
    """The deployment that caused a rollout; None where none fits.

    It names the workload in its namespace, was under way when the rollout began, and contradicts neither the image's
    digest nor the version. Where it names further workloads, another digest may be theirs and contradicts nothing. Of
    several the one with the best evidence is taken (digest, then version, then time alone), and of those the one that
    started last.
    """
    fitting = [
        (weight, record.told.started_at, record)
        for record in records
        if _names(record.told, rollout)
        and _was_under_way(record.told, rollout.began_at)
        and (weight := _evidence(record.told, rollout)) is not None
    ]
    return max(fitting, key=lambda each: each[:2])[2] if fitting else None


def _names(told: NewDeploy, rollout: RolloutTrace) -> bool:
    return rollout.workload in told.workloads and told.namespace in {"", rollout.namespace}


def _was_under_way(told: NewDeploy, at: datetime) -> bool:
    end = (
        told.finished_at + ROLLS_OUT_AFTER_END if told.finished_at else told.started_at + LONGEST_WITHOUT_END
    )
    return told.started_at - STARTS_BEFORE <= at <= end


def _evidence(told: NewDeploy, rollout: RolloutTrace) -> int | None:
    """2 for the same digest, 1 for the same version, 0 when nothing can be compared, None for a contradiction."""
    digests = {digest for image in rollout.images if (digest := digest_of(image))}
    if told.image_digest and digests:
        if told.image_digest in digests:
            return 2
        # It tells one digest, and its workloads may have images of their own.
        return 0 if len(told.workloads) > 1 else None
    versions = {_plain(each) for each in (rollout.version, *map(tag_of, rollout.images)) if each}
    if not versions:
        return 0
    return 1 if _plain(told.version) in versions else None


def digest_of(image: str) -> str:
    """The digest of an image reference, such as ``sha256:…``; empty where it names none."""
    return image.partition("@")[2]


def tag_of(image: str) -> str:
    """The tag of an image reference; empty where it names none. A registry's port is no tag."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def _plain(version: str) -> str:
    return version.removeprefix("v")
