"""A thread that listens to PostgreSQL's notifications on a connection of its own."""

from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

import psycopg
from psycopg.sql import SQL, Identifier

from backend.db import connecting
from backend.db.connecting import CONNECTION
from backend.db.engine import engine

SESSION_NEWS = "session_news"
"""A session ended or an account changed; triggers tell it when the change is committed."""
AGAIN_S = 1.0


class Listener:
    """Calls ``heard`` with the text of each piece of news, and with "" whenever some may have been missed.

    ``works`` says whether it listens.

    Behind a pooler nothing is heard, because news come on a server connection that may be somebody else's by then.
    """

    def __init__(self, channel: str, heard: Callable[[str], None]) -> None:
        """Name the channel; nothing starts yet."""
        self.works = False
        self._channel = channel
        self._heard = heard
        self._ended = Event()
        self._thread = Thread(target=self._run, name=f"listen-{channel}", daemon=True)

    def start(self) -> None:
        """Listen from now on, also after a time without a database."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._ended.set()
        self._thread.join(2 * AGAIN_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            is_possible = True
            with suppress(psycopg.Error):  # every question to the database meets the same, and is heard
                is_possible = self._listen()
            self.works = False
            self._heard("")
            self._ended.wait(AGAIN_S if is_possible else None)

    def _listen(self) -> bool:
        """Listen for as long as the connection lasts; False where nothing would ever be heard."""
        address = engine().url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True, **CONNECTION) as connection:
            connecting.prepare(connection)
            if connecting.is_pooled(connection):
                return False
            connection.execute(SQL("LISTEN {}").format(Identifier(self._channel)))
            self._heard("")
            self.works = True
            while not self._ended.is_set():
                for news in connection.notifies(timeout=AGAIN_S, stop_after=1):
                    self._heard(news.payload)
        return True
