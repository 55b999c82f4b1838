"""A DocuChat process: `python -m backend.sandbox.docuchat --port N --openai-url URL`.

Asks questions for its tenants, answers them through the metered SDK, and serves `/metrics`. On SIGTERM it stops
asking, finishes its open questions, and stays to be scraped for two intervals: tokens that are never scraped are never
billed. A second signal, or Ctrl-C, ends it at once.
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType

import uvicorn

from backend.clock import billing_day
from backend.sandbox.companies import COMPANIES, Company, Rhythm, history_start
from backend.sandbox.docuchat_app import application
from backend.sandbox.docuchat_traffic import Pace, Traffic
from backend.sandbox.docuchat_trouble import Troubles

_MARGIN_S = 1.0


class Stop:
    """The two events that signals set: leave politely, and leave now."""

    def __init__(self) -> None:
        self.leaving = threading.Event()
        self.now = threading.Event()
        signal.signal(signal.SIGTERM, self._hear)
        signal.signal(signal.SIGINT, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number == signal.SIGINT or self.leaving.is_set():
            self.now.set()
        self.leaving.set()


def run(given: argparse.Namespace) -> int:
    """Live until told to leave. 1 if the port could not be had."""
    stop = Stop()
    companies = chosen_companies(given.tenants)
    troubles = Troubles()
    labels = [company.label for company in companies]
    app = application(
        given.openai_url,
        labels,
        leaving=stop.leaving,
        troubles=troubles,
        metrics_token=os.environ.get("METRICS_TOKEN", ""),
    )
    server = uvicorn.Server(
        uvicorn.Config(app, host=given.host, port=given.port, log_level="warning", access_log=False)
    )
    serving = threading.Thread(target=server.run, name="server", daemon=True)
    serving.start()
    pace = Pace(share=given.share, since=given.history_start, seed=given.seed)
    traffic = Traffic(f"http://{given.host}:{given.port}", companies, pace, troubles)
    traffic.start()
    while serving.is_alive() and not stop.leaving.wait(0.5):
        pass
    if not stop.leaving.is_set():
        return 1
    if not stop.now.is_set():
        traffic.stop()
        stop.now.wait(2 * given.scrape_interval_s + _MARGIN_S)
    server.should_exit = True
    serving.join(5.0)
    return 0


def chosen_companies(tenants: str | None) -> Sequence[Company]:
    """The companies of a JSON list of labels, given itself or as a file; all of them without one.

    A label that no company has is a tenant that nobody knows: it gets a small company of its own.
    """
    if tenants is None:
        return COMPANIES
    text = tenants if tenants.lstrip().startswith("[") else Path(tenants).read_text(encoding="utf-8")
    known = {company.label: company for company in COMPANIES}
    return [known.get(label) or _stranger(label) for label in json.loads(text)]


def _stranger(label: str) -> Company:
    return Company(
        label=label,
        name_fa=label,
        name_en=label,
        language="en",
        billing_email=f"billing@{label}.example",
        admin_email=f"admin@{label}.example",
        rhythm=Rhythm(questions_per_minute=0.5, night=0.5),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m backend.sandbox.docuchat", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--openai-url", required=True, help="the API's address, with its /v1")
    parser.add_argument("--tenants", help="a JSON list of tenant labels, or a file that holds one")
    parser.add_argument(
        "--share", type=float, default=1.0, help="share of the expected questions (two processes: 0.5)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scrape-interval-s", type=float, default=15.0)
    parser.add_argument(
        "--history-start",
        type=date.fromisoformat,
        default=history_start(billing_day(datetime.now(UTC))),
        help="first day of the demo's history, from which the companies' stories are told",
    )
    return run(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
