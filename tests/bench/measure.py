"""One measurement of one side: its answers, when all that they promise was done, and what that took."""

import time
from dataclasses import dataclass, field

import psycopg

from tests.bench.load import Answers, press
from tests.bench.processes import Processes
from tests.bench.sides import TRIGGER, Side

LOOK_EVERY_SECONDS = 0.05
QUIET_WITHIN_SECONDS = 20.0
AWAY_SECONDS = 10.0  # as nodes/runs/fallback.py has it, which would import Prefect before its settings are there
_RECEIVED = "SELECT extract(epoch FROM max(received_at))::float8 FROM cancellation_requests WHERE id = ANY(%s::uuid[])"
# Email and event are out, the audit is written, and nobody has to look again.
_CLOSED = "SELECT count(*) FROM cancellation_requests WHERE id = ANY(%s::uuid[]) AND resume_at IS NULL"
# And Prefect has heard of the end.
_RUNS = "SELECT flow_run_id FROM cancellation_requests WHERE id = ANY(%s::uuid[]) AND flow_run_id IS NOT NULL"
_COMPLETED = "SELECT count(*) FROM flow_run WHERE id = ANY(%s::uuid[]) AND state_type = 'COMPLETED'"


@dataclass(frozen=True)
class Measured:
    """How one side did. Processor in milliseconds a run, by part."""

    side: str
    answers: Answers
    received_seconds: float  # from the first request until the last one was recorded
    finished: int
    shown: int  # of those, how many Prefect shows as completed
    finished_seconds: float
    backlog_seconds: float  # until the parts were quiet again, after the last run had finished
    processor: dict[str, float] = field(default_factory=dict)

    @property
    def received_a_second(self) -> float:
        """Return how many requests were recorded a second: what a burst meets first."""
        return len(self.answers.request_ids) / self.received_seconds

    @property
    def a_second(self) -> float:
        """Runs that were finished, from the first request to the last run's end; of the trigger's, those shown."""
        return (self.shown if self.side == TRIGGER else self.finished) / self.finished_seconds


def measure(side: Side, processes: Processes, runs: int, at_once: int, prefect: str, within: float = 120.0) -> Measured:
    """So many customers cancel. `prefect` is where Prefect keeps its runs; after `within` seconds nobody waits."""
    before = processes.used()
    answers = press(side.url, side.take(runs), at_once)
    received = _received(side, answers)
    finished, shown, seconds = _finished(side, answers, prefect, within)
    backlog = processes.until_quiet(QUIET_WITHIN_SECONDS)
    if side.name == TRIGGER and shown < finished:  # Prefect's server was too slow, and is not asked for a while
        time.sleep(AWAY_SECONDS)
    return Measured(
        side.name, answers, received, finished, shown, seconds, backlog, processes.used().since(before, runs)
    )


def _received(side: Side, answers: Answers) -> float:
    with psycopg.connect(side.database, autocommit=True) as ours:
        [(last,)] = ours.execute(_RECEIVED, [answers.request_ids]).fetchall()
    return float(last) - answers.began


def _finished(side: Side, answers: Answers, prefect: str, within: float) -> tuple[int, int, float]:
    """How many, how many of them are shown, and seconds since the first request."""
    ids = answers.request_ids
    with psycopg.connect(side.database, autocommit=True) as ours, psycopg.connect(prefect, autocommit=True) as theirs:
        while True:
            done = _count(ours, _CLOSED, ids)
            runs = [str(run) for (run,) in ours.execute(_RUNS, [ids])]
            shown = _count(theirs, _COMPLETED, runs)
            passed = time.time() - answers.began
            if (done == len(ids) and shown == len(runs)) or passed > within:
                return done, shown, passed
            time.sleep(LOOK_EVERY_SECONDS)


def _count(connection: psycopg.Connection, query: str, ids: list[str]) -> int:
    [(count,)] = connection.execute(query.encode(), [ids]).fetchall()
    return int(count)
