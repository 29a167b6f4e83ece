"""One measurement of one side: its responses, the time until all their effects were done, and the resources used."""

import time
from dataclasses import dataclass, field

import psycopg

from tests.bench.load import CANCEL, Call, Responses, press
from tests.bench.processes import Processes
from tests.bench.sides import TRIGGER, Side

LOOK_EVERY_SECONDS = 0.05
QUIET_WITHIN_SECONDS = 20.0
AWAY_SECONDS = 10.0  # copied from nodes/runs/fallback.py, whose import would load Prefect before its settings exist
_RECEIVED = "SELECT extract(epoch FROM max(received_at))::float8 FROM {table} WHERE id = ANY(%s::uuid[])"
# Email and event are sent, the audit row is written, and no retry is due.
_CLOSED = "SELECT count(*) FROM {table} WHERE id = ANY(%s::uuid[]) AND resume_at IS NULL"
# Prefect shows the end of the run.
_RUNS = "SELECT flow_run_id FROM {table} WHERE id = ANY(%s::uuid[]) AND flow_run_id IS NOT NULL"
_COMPLETED = "SELECT count(*) FROM flow_run WHERE id = ANY(%s::uuid[]) AND state_type = 'COMPLETED'"


@dataclass(frozen=True)
class Measured:
    """The result of one side. Processor time in milliseconds per run, by part."""

    side: str
    responses: Responses
    received_seconds: float  # from the first request until the last one was recorded
    finished: int
    shown: int  # of those, how many Prefect shows as completed
    finished_seconds: float
    backlog_seconds: float  # until the parts were quiet again, after the last run had finished
    processor: dict[str, float] = field(default_factory=dict)

    @property
    def received_a_second(self) -> float:
        """Return the number of requests recorded per second: the first limit that a burst meets."""
        return len(self.responses.request_ids or self.responses.seconds) / self.received_seconds

    @property
    def a_second(self) -> float:
        """Return the finished runs per second until the last run's end; for the trigger, those shown in Prefect."""
        return (self.shown if self.side == TRIGGER else self.finished) / self.finished_seconds


def measure(
    side: Side,
    processes: Processes,
    runs: int,
    concurrency: int,
    prefect: str,
    within: float = 120.0,
    call: Call = CANCEL,
) -> Measured:
    """Let so many customers make a call. `prefect` is the URL of Prefect's database; waits at most `within` seconds."""
    before = processes.used()
    responses = press(side.url, side.take(runs), concurrency, call)
    if call.table:
        received = _received(side, responses, call.table)
        finished, shown, seconds = _finished(side, responses, call.table, prefect, within)
    else:  # the response is all there is
        received = seconds = time.time() - responses.began
        finished = shown = len(responses.seconds)
    backlog = processes.until_quiet(QUIET_WITHIN_SECONDS)
    if side.name == TRIGGER and shown < finished:  # Prefect's server was too slow, and is not called for a while
        time.sleep(AWAY_SECONDS)
    return Measured(
        side.name, responses, received, finished, shown, seconds, backlog, processes.used().since(before, runs)
    )


def _received(side: Side, responses: Responses, table: str) -> float:
    with psycopg.connect(side.database, autocommit=True) as ours:
        [(last,)] = ours.execute(_RECEIVED.format(table=table).encode(), [responses.request_ids]).fetchall()
    return float(last) - responses.began


def _finished(side: Side, responses: Responses, table: str, prefect: str, within: float) -> tuple[int, int, float]:
    """Return the finished runs, those shown in Prefect, and the seconds since the first request."""
    ids = responses.request_ids
    with psycopg.connect(side.database, autocommit=True) as ours, psycopg.connect(prefect, autocommit=True) as prefects:
        while True:
            done = _count(ours, _CLOSED.format(table=table), ids)
            runs = [str(run) for (run,) in ours.execute(_RUNS.format(table=table).encode(), [ids])]
            shown = _count(prefects, _COMPLETED, runs)
            passed = time.time() - responses.began
            if (done == len(ids) and shown == len(runs)) or passed > within:
                return done, shown, passed
            time.sleep(LOOK_EVERY_SECONDS)


def _count(connection: psycopg.Connection, query: str, ids: list[str]) -> int:
    [(count,)] = connection.execute(query.encode(), [ids]).fetchall()
    return int(count)
