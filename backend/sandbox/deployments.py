"""The demo's past deployments: told to the ledger day by day, as its pipelines would have done."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

from backend.actor import Actor
from backend.clock import TEHRAN, utc_now
from backend.deploys import service as deploys
from backend.deploys.ledger_types import DeployResult, NewDeploy, SmokeTest
from backend.errors import Conflict

NAMESPACE = "docuchat"
SERVICES = ("docuchat-api", "docuchat-worker", "docuchat-frontend", "docuchat-ingest")
AUTHORS = ("سارا محمدی", "رضا کریمی", "ندا احمدی")
OFFICE_OPENS = 9
_RESULTS = {DeployResult.SUCCEEDED: 17, DeployResult.FAILED: 2, DeployResult.ROLLED_BACK: 1}


def seed_deployments(actor: Actor, since: date) -> None:
    """Tell the ledger of every deployment from a day on that has ended by now. Idempotent."""
    now = utc_now()
    for day in range((now.astimezone(TEHRAN).date() - since).days + 1):
        for new in deployments_of(since + timedelta(days=day)):
            if new.finished_at and new.finished_at < now:
                try:
                    deploys.record_deploy(actor, new)
                except Conflict:  # an older version of the demo made that day otherwise
                    continue


def deployments_of(day: date) -> Iterator[NewDeploy]:
    """The deployments of a day, the same in each run: none to two of them."""
    dice = Random(day.toordinal())
    for number in range(dice.choice((0, 0, 1, 1, 2))):
        service = dice.choice(SERVICES)
        opens = datetime(day.year, day.month, day.day, OFFICE_OPENS, tzinfo=TEHRAN)
        started = opens + timedelta(minutes=dice.randrange(240) + 250 * number)
        result = dice.choices([*_RESULTS], [*_RESULTS.values()])[0]
        new = NewDeploy(
            key=f"demo-{day:%Y%m%d}-{number}",
            service=service,
            version=f"1.{day.toordinal() % 400}.{number}",
            started_at=started,
            namespace=NAMESPACE,
            workloads=(service,),
            commit_sha=f"{dice.getrandbits(160):040x}",
            branch=dice.choice(("main", "main", "main", f"hotfix-{number + 11}")),
            author=dice.choice(AUTHORS),
            ci_run=f"https://ci.docuchat.example/runs/{day.toordinal() * 10 + number}",
            committed_at=started - timedelta(minutes=dice.randrange(20, 2_000)),
        )
        smoke_test = SmokeTest.PASSED if result == DeployResult.SUCCEEDED else None
        end = started + timedelta(seconds=dice.randrange(70, 900))
        yield replace(new, result=result, finished_at=end, smoke_test=smoke_test)
