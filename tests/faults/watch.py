"""Watches unfinished work until none is left: how long each item waited, and for what."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.waiting import eventually
from tests.world import Person, Row, World

LOOK_EVERY_SECONDS = 0.2

# What is watched, one row per user: its number of runs, when it had its response, and when it is to be resumed.
CANCELLATIONS = """SELECT user_id, runs, finished_at, resume_at, response FROM cancellation_requests
    WHERE user_id = ANY(%s)"""
REACTIVATIONS = """SELECT user_id, runs, finished_at, resume_at, response FROM reactivation_requests
    WHERE user_id = ANY(%s)"""
# Work is finished only when the requests that an event creates are, too.
EVENTS = """SELECT DISTINCT ON (s.user_id) s.user_id, e.tries AS runs, e.handled_at AS finished_at, NULL AS response,
    coalesce(e.resume_at,
        (SELECT min(resume_at) FROM requests r WHERE r.user_id = s.user_id)) AS resume_at
    FROM stripe_events e JOIN subscriptions s ON s.id = e.subscription_id WHERE s.user_id = ANY(%s)
    ORDER BY s.user_id, e.received_at DESC"""
# Calls, and their results. An attempt counts as a run.
CALLS = """SELECT user_id, attempts AS runs, placed_at AS finished_at, NULL AS response,
    coalesce(due_at, route_at) AS resume_at FROM calls WHERE user_id = ANY(%s)"""
# With the events of the tasks that they become.
REPLIES = """SELECT p.user_id, p.tries AS runs, p.received_at AS finished_at, NULL AS response,
    coalesce(p.categorize_at, (SELECT min(publish_at) FROM tasks t WHERE t.user_id = p.user_id)) AS resume_at
    FROM replies p WHERE p.user_id = ANY(%s)"""


@dataclass
class Watched:
    """A user's unfinished work since its process ended. Times in seconds since then."""

    left_at: float
    runs: int | None  # None: there was no work
    answered: bool  # it already had its response
    resumed_after: float = 0.0
    done_after: float = 0.0
    done: bool = False
    response: dict[str, Any] | None = field(default=None, repr=False)


class Watch:
    """Polls all watched work several times a second, on its own thread and connection."""

    def __init__(self, world: World, what: str = CANCELLATIONS) -> None:
        self._url = world.addresses["database_admin_url"]
        self._what = what
        self._watched: dict[str, Watched] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch")

    def __enter__(self) -> "Watch":
        self._connection: psycopg.Connection[Row] = psycopg.connect(self._url, autocommit=True, row_factory=dict_row)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()
        self._connection.close()

    def add(self, person: Person) -> None:
        """Watch this person's work: its process is gone, or the request is being sent."""
        now = time.monotonic()
        found = [*self._requests([person.user_id])]
        assert len(found) <= 1, found
        runs, answered = (found[0]["runs"], found[0]["finished_at"] is not None) if found else (None, False)
        self._watched[person.user_id] = Watched(now, runs, answered, done=not found)

    def of(self, person: Person) -> Watched:
        return self._watched[person.user_id]

    def until_done(self, within: float) -> None:
        """Wait for all; the record shows what is unfinished by then."""
        deadline = time.monotonic() + within
        eventually(
            lambda: time.monotonic() > deadline or all(each.done for each in [*self._watched.values()]),
            within=within + 1,
        )

    def until_done_for(self, person: Person, within: float) -> None:
        """Wait for one; its record shows whether it was done in time."""
        deadline = time.monotonic() + within
        watched = self.of(person)
        eventually(lambda: time.monotonic() > deadline or watched.done, within=within + 1)

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY_SECONDS):
            waited_for = [user_id for user_id, each in [*self._watched.items()] if not each.done]
            for row in self._requests(waited_for):
                self._note(self._watched[str(row["user_id"])], row)

    def _note(self, watched: Watched, row: Row) -> None:
        seconds = time.monotonic() - watched.left_at
        if watched.runs is not None and row["runs"] > watched.runs:
            watched.runs, watched.resumed_after = None, seconds
        if row["resume_at"] is None:
            watched.done_after, watched.response, watched.done = seconds, row["response"], True

    def _requests(self, users: list[str]) -> Iterable[Row]:
        return self._connection.execute(self._what.encode(), [users]).fetchall()
