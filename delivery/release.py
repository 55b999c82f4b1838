"""``python -m delivery.release next [--apply]``: the next version, from the commits since the last tag.

``notes`` checks TAG and writes its notes. Nothing is pushed. Exit codes: 0 fine; 1 refused; 2 asked wrongly.
"""

import argparse
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from delivery.release_rules import Change, Effect, Version, next_version, notes

FIRST = Version(0, 1, 0)
_ENDS_FIELD, _ENDS_LINE, _ENDS_COMMIT = "\x1f", "\x1d", "\x1e"
_LINES = "".join(f"%x1f%(trailers:key={effect},valueonly,unfold,separator=%x1d)" for effect in Effect)


class Refused(Exception):
    """A release that cannot be made; the text says why and what to do."""


def git(*argv: str, given: str | None = None) -> str:
    """What git says. Raises Refused with git's own words."""
    done = subprocess.run(["git", *argv], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"git {argv[0]}: {done.stderr.strip()}")
    return done.stdout.strip("\n")  # the separators below count as blanks


def versions(of: str) -> list[Version]:
    """The versions that are part of this commit's history, the oldest first."""
    return sorted(found for tag in git("tag", "--merged", of).split() if (found := Version.of_tag(tag)))


def changes(after: Version | None, up_to: str) -> list[Change]:
    """The commits after a version, the newest first; all where there is none. Merges are left out."""
    reach = f"{after.tag}..{up_to}" if after else up_to
    told = git("log", "--no-merges", f"--format=%s{_LINES}%x1e", reach)
    return [_change(each.strip("\n")) for each in told.split(_ENDS_COMMIT) if each.strip("\n")]


def _change(written: str) -> Change:
    subject, *fields = written.split(_ENDS_FIELD)
    lines = zip(Effect, fields, strict=True)
    return Change(
        subject=subject,
        told=tuple((effect, line) for effect, field in lines for line in field.split(_ENDS_LINE) if line),
    )


def following(known: list[Version], found: list[Change]) -> Version:
    """The version that these changes make. Raises Refused where nothing has changed."""
    if not found:
        raise Refused("Nothing has changed since the last release.")
    return next_version(known[-1], found) if known else FIRST


def plan(*, apply: bool) -> None:
    """Print the next version and its notes; make the tag where it is asked for."""
    known = versions("HEAD")
    found = changes(known[-1] if known else None, "HEAD")
    version = following(known, found)
    text = notes(version, datetime.now(UTC).date(), found)
    print(text)
    if not apply:
        print(f"Nothing was written. To make the tag {version.tag}: make release APPLY=yes")
        return
    if git("status", "--porcelain"):
        raise Refused("Some files are not committed. Commit or remove them, and start again.")
    # Git would take the headings of the notes for comments.
    git("tag", "--annotate", version.tag, "--cleanup=verbatim", "--file=-", given=text)
    print(f"The tag {version.tag} is made. To publish and deploy it: git push origin {version.tag}")


def write_notes(tag: str, into: str) -> None:
    """Write a tag's notes. Raises Refused where the tag is not the version that its changes make."""
    version = Version.of_tag(tag)
    if version is None:
        raise Refused(f"{tag!r} is no version. A release's tag is written like v1.4.0.")
    known = [each for each in versions(tag) if each < version]
    found = changes(known[-1] if known else None, tag)
    right = following(known, found)
    if version < right:
        raise Refused(
            f"{tag} says less than its changes: they make {right.tag}. See CONTRIBUTING.md, Commits."
        )
    day = datetime.fromisoformat(git("log", "-1", "--format=%cI", tag)).date()
    Path(into).write_text(notes(version, day, found))


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m delivery.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("next").add_argument("--apply", action="store_true", help="make the tag")
    commands.add_parser("notes")
    asked = parser.parse_args(argv)
    try:
        if asked.command == "next":
            plan(apply=asked.apply)
        elif "TAG" in os.environ and "NOTES" in os.environ:
            write_notes(os.environ["TAG"], os.environ["NOTES"])
        else:
            print("Name the tag and the file of its notes: TAG=v1.4.0 NOTES=notes.md", file=sys.stderr)
            return 2
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
