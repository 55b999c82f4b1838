"""SIGKILL in the middle of a round loses no mail; what goes out twice is one mail to its reader."""

import os
import signal
import subprocess
import sys
import threading
import time

from backend.clock import utc_now
from backend.notifications import service
from backend.notifications.types import SendReport
from backend.sandbox.processes import keep
from tests.integration.notifications.conftest import PostOffice
from tests.integration.notifications.test_sending import SENDER, a_mail, make_due, row

PROGRAM = """
from backend.actor import Actor
from backend.notifications import service
service.send_due(Actor.process_named("send_mail"), 100)
"""


def test_a_killed_sender_loses_nothing_and_repeats_at_most_one_mail(
    office: PostOffice, database: str
) -> None:
    service.enqueue([a_mail(number) for number in range(6)], utc_now())
    is_third, may_go_on = threading.Event(), threading.Event()

    def hold_the_third() -> None:
        if len(office.received) == 3:
            is_third.set()
            may_go_on.wait(30)

    office.at_data = hold_the_third
    child = keep(
        subprocess.Popen([sys.executable, "-c", PROGRAM], env={**os.environ, "DATABASE_URL": database})
    )
    assert is_third.wait(60)
    child.send_signal(signal.SIGKILL)
    assert child.wait(30) == -signal.SIGKILL
    may_go_on.set()

    assert service.send_due(SENDER, 100) == SendReport()
    make_due()
    assert service.send_due(SENDER, 100) == SendReport(sent=4)

    ids = [str(message["Message-ID"]) for message in office.messages]
    assert (len(ids), len(set(ids))) == (7, 6)
    assert all(row(f"invoice_issued:{number}")["sent_at"] for number in range(6))


def test_a_server_that_takes_its_time_loses_no_mail_to_another_sender(office: PostOffice) -> None:
    service.enqueue([a_mail(number) for number in range(4)], utc_now())
    office.at_data = lambda: time.sleep(0.05)

    rounds = [threading.Thread(target=service.send_due, args=(SENDER, 100)) for _ in range(3)]
    for each in rounds:
        each.start()
    for each in rounds:
        each.join()

    assert len(office.received) == 4
