"""`make demo`: the start with a line per step, then a watch over the parts until Ctrl-C."""

import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

from backend.sandbox import history
from backend.sandbox.incidents.running import incident_console
from backend.sandbox.processes import SandboxError
from backend.sandbox.signins import SignIn, sign_ins
from backend.sandbox.stack import Stack, StartStep

WATCH_S = 0.5
ATTEMPTS = 3
# Long enough to look at a quiet chart, short enough that an afternoon's counters show several restarts.
RESTART_BETWEEN_S = (20 * 60, 50 * 60)


class Interrupted(Exception):
    """The person at the keyboard, or the system, wants the end."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """The watch over the running parts."""

    stack: Stack
    attempts: dict[str, int] = field(default_factory=dict)
    next_restart_s: float = 0.0
    # Stopped on purpose, by an incident: they are left alone until it ends.
    held: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Start a crashed part again, three times at most, and say so each time with the end of its log."""
        for name, part in list(self.stack.parts.items()):
            child = part.child
            if name in self.held or child is None or child.is_running():
                continue
            if self.attempts.get(name, 0) > ATTEMPTS:
                continue
            self.attempts[name] = self.attempts.get(name, 0) + 1
            print(
                f"✗ {name} ended with code {child.process.returncode}. Its last words:\n{child.log_tail()}",
                flush=True,
            )
            if self.attempts[name] > ATTEMPTS:
                print(
                    f"✗ {name} is left alone after {ATTEMPTS} new starts ({child.command.log_path})",
                    flush=True,
                )
                continue
            self._start_again(name)

    def restart_sometimes(self) -> None:
        """Restart one DocuChat process now and then, as a deployment would."""
        if time.monotonic() < self.next_restart_s:
            return
        first = self.next_restart_s == 0.0
        self.next_restart_s = time.monotonic() + random.uniform(*RESTART_BETWEEN_S)
        if first:
            return
        name = random.choice(history.INSTANCES)
        child = self.stack.parts[name].child
        if name in self.held or child is None or not child.is_running():
            return
        print(f"· {name} is restarted, as a deployment would", flush=True)
        child.process.send_signal(signal.SIGTERM)
        # It stays to be scraped twice more, so that no token is lost.
        child.process.wait(2 * self.stack.scrape_interval_s + 30)
        self._start_again(name)

    def hold(self, name: str) -> None:
        """Stop a part and leave it so."""
        self.held.add(name)
        self.stack.stop(name)

    def release(self, name: str) -> None:
        """Start a part that was held."""
        self.stack.start(name)
        self.held.discard(name)

    def _start_again(self, name: str) -> None:
        try:
            self.stack.start(name)
        except SandboxError as error:
            print(f"✗ {error}", flush=True)
        else:
            print(f"✓ {name} runs again", flush=True)


def up(watch: Watch) -> int:
    """Run the watched stack until Ctrl-C or SIGTERM. 0 after a wanted end, 1 when a step failed."""
    stack = watch.stack
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        stack.open()
        _start(stack)
        with incident_console(stack, hold=watch.hold, release=watch.release) as console_url:
            _welcome(stack, sign_ins(stack), console_url)
            while True:
                time.sleep(WATCH_S)
                watch.look()
                watch.restart_sometimes()
    except Interrupted:
        print("\n· ending every process", flush=True)
        return 0
    except SandboxError as error:
        print(f"\n✗ {error}", file=sys.stderr, flush=True)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        stack.close()
        print("✓ ended", flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise Interrupted


def _start(stack: Stack) -> None:
    begun = time.monotonic()
    for step in stack.steps():
        _run(step)
    stack.publish_environment()
    print(f"✓ everything runs after {time.monotonic() - begun:.1f} s", flush=True)


def _run(step: StartStep) -> None:
    begun = time.monotonic()
    terminal = sys.stdout.isatty()

    def show(done: float) -> None:
        if terminal:
            print(f"\r· {step.title:<42} {done:>5.0%}", end="", flush=True)

    if terminal:
        print(f"· {step.title:<42} ", end="", flush=True)
    step.work(show)
    start = "\r" if terminal else ""
    print(f"{start}✓ {step.title:<42} {time.monotonic() - begun:>5.1f} s", flush=True)


def _welcome(stack: Stack, people: Sequence[SignIn], console_url: str) -> None:
    print(f"\n  DocuChat portal   {stack.web_url}\n")
    for person in people:
        print(f"  {person.title:<34} {person.email:<40} {person.password}")
    print(f"\n  incidents {console_url}")
    print(f"  mail      {stack.mail_url}\n  metrics   {stack.prometheus_url}")
    print(f"  logs      {stack.log_path('web').parent}\n\n  Ctrl-C ends it.\n", flush=True)
