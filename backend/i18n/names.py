"""Names that people know for the things in a sentence: jobs, alerts, actions, hindrances, targets of runs.

The sentence holds the stored name, in old logs, too; the reader gets the one that the pages use.
"""

from backend.i18n import format as fmt
from backend.i18n.catalog import Lang, has, text

# The places of sentences that hold the stored name of something, each with the key of its own sentence.
_KEYS = {
    "job": "job.name.{}",
    "alert": "alerts.name.{}",
    "action": "runbooks.action.{}.name",
    "stuck": "deploy.stuck.{}",
}
TARGET, HOLDER = "target", "holder"
_SCHEDULE = "runs.by_schedule"


def named(place: str, value: str, lang: Lang) -> str:
    """The name of what a sentence's place holds; empty where the place holds no such thing, or an unknown one."""
    if place == TARGET:
        return target_words(value, lang)
    if place == HOLDER:
        return _holder(value, lang)
    key = _KEYS[place].format(value) if place in _KEYS else ""
    return text(key, lang) if has(key) else ""


def _holder(label: str, lang: Lang) -> str:
    """The asker of the run that holds a target: a person by the address, or the schedule."""
    kind, _, name = label.partition(":")
    return text(_SCHEDULE, lang) if kind == "process" and has(_SCHEDULE) else name


def target_words(target: str, lang: Lang) -> str:
    """The target of a run as people call it: what kind of thing, and its name."""
    kind, _, name = target.partition(":")
    key = f"runs.target.{kind}"
    if not has(key):
        return fmt.code(target, lang)
    shown = named(kind, name, lang) or fmt.code(name, lang)
    return f"{text(key, lang)} {shown}" if name else text(key, lang)
