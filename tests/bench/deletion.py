"""Benchmark of `delete_expired_data`: its speed, its longest transaction and its memory. Run by hand on a stack.

    cancelflow up --directory /tmp/stack
    python -m tests.bench.deletion /tmp/stack 100000

Each user has one ended subscription, a request, its email, its event, an audit row and a due job; every fifth also has
an accepted offer. Each causes HTTP calls to the Stripe simulator.
"""

import asyncio
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import stripe
from dotenv import load_dotenv
from psycopg.rows import tuple_row

LOOK_EVERY_SECONDS = 0.02
FILL = (
    """CREATE TEMP TABLE leavers AS
    SELECT gen_random_uuid() AS user_id, gen_random_uuid() AS request_id, 'sub_bench_' || gen_random_uuid() AS sub, n
    FROM generate_series(1, %(users)s) AS n""",
    """INSERT INTO users (id, email, name, stripe_customer_id)
    SELECT user_id, n || '@example.com', 'Robin Doe', %(customer)s FROM leavers""",
    """INSERT INTO subscriptions (id, user_id, stripe_customer_id, plan, status, current_period_start,
        current_period_end, ended_at)
    SELECT sub, user_id, %(customer)s, 'professional', 'canceled', now() - interval '122 days',
        now() - interval '92 days', now() - interval '92 days' FROM leavers""",
    """INSERT INTO cancellation_requests (id, user_id, asked_user_id, accept_offer, subscription_id, recovery_point,
        received_at, outcome, http_status, response, finished_at, resume_at, anonymized_at)
    SELECT request_id, user_id, user_id, false, sub, 'finished', now() - interval '100 days', 'pending_cancellation',
        200, '{}', now() - interval '100 days', NULL, now() FROM leavers""",
    """INSERT INTO outbox (request_id, user_id, kind, delivered_at)
    SELECT request_id, user_id, kind, now()
    FROM leavers, unnest(ARRAY['cancellation_confirmation', 'subscription.canceled']) AS kind""",
    """INSERT INTO retention_offers (request_id, user_id, subscription_id, plan, percent_off, months, coupon_id)
    SELECT request_id, user_id, sub, 'professional', 30, 3, 'bench' FROM leavers WHERE n % 5 = 0""",
    """INSERT INTO audit_log (user_id, action, request_id, outcome, http_status)
    SELECT user_id, 'cancel_subscription', request_id, 'pending_cancellation', 200 FROM leavers""",
    """INSERT INTO data_retention_jobs (request_id, user_id, subscription_id, cancel_at, run_at)
    SELECT request_id, user_id, sub, now() - interval '92 days', now() - interval '2 days' FROM leavers""",
    "ANALYZE",
)
LONGEST = """SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0),
    coalesce(max(extract(epoch FROM clock_timestamp() - query_start)) FILTER (WHERE wait_event_type = 'Lock'), 0)
    FROM pg_stat_activity WHERE application_name = 'cancelflow' AND state <> 'idle'"""


class Watch:
    """A thread that samples the database and this process."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stopped = threading.Event()
        self.longest_transaction = self.longest_wait = 0.0
        self.memory: list[float] = []

    def run(self) -> None:
        """Sample until `stop`."""
        with psycopg.connect(self._url, autocommit=True, row_factory=tuple_row) as connection:
            while not self._stopped.wait(LOOK_EVERY_SECONDS):
                [(transaction, wait)] = connection.execute(LONGEST.encode()).fetchall()
                self.longest_transaction = max(self.longest_transaction, float(transaction))
                self.longest_wait = max(self.longest_wait, float(wait))
                self.memory.append(_resident_megabytes())

    def stop(self) -> None:
        """Stop sampling."""
        self._stopped.set()


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def fill(users: int) -> None:
    """Create so many users whose deletion is due, as the owner."""
    client = stripe.StripeClient(os.environ["STRIPE_API_KEY"], base_addresses={"api": os.environ["STRIPE_API_BASE"]})
    customer = client.v1.customers.create({"email": "bench@example.com"}).id
    with psycopg.connect(os.environ["DATABASE_ADMIN_URL"], autocommit=True) as connection:
        for statement in FILL:
            named = {"users": users, "customer": customer} if "%(" in statement else None
            connection.execute(statement.encode(), named)


@dataclass(frozen=True)
class Deleted:
    """The result of a run."""

    message: str | None
    seconds: float
    longest_transaction: float
    longest_wait: float
    memory: list[float]  # MB, sampled regularly


def delete(users: int) -> Deleted:
    """Delete so many due users, with the settings of the environment."""
    from flows.delete_expired_data import delete_expired_data
    from nodes.node import without_prefect

    fill(users)
    watch = Watch(os.environ["DATABASE_ADMIN_URL"])
    watching = threading.Thread(target=watch.run)
    watching.start()

    async def run() -> Any:
        with without_prefect():
            return await delete_expired_data.fn(dry_run=False)

    began = time.monotonic()
    try:
        state = asyncio.run(run())
    finally:
        seconds = time.monotonic() - began
        watch.stop()
        watching.join()
    return Deleted(state.message, seconds, watch.longest_transaction, watch.longest_wait, watch.memory)


def main(directory: Path, users: int) -> None:
    """Fill, run, print."""
    load_dotenv(directory / "stack.env", override=True)
    done = delete(users)
    tenths = [done.memory[len(done.memory) * part // 10] for part in range(1, 10)]
    print(  # noqa: T201
        f"{done.message}\n{done.seconds:.0f} s, {users / done.seconds:.0f} users a second\n"
        f"longest transaction {done.longest_transaction * 1000:.0f} ms, longest wait for a lock "
        f"{done.longest_wait * 1000:.0f} ms (looked at every {LOOK_EVERY_SECONDS * 1000:.0f} ms)\n"
        f"memory, tenth by tenth: {' '.join(f'{each:.0f}' for each in tenths)} MB, peak {max(done.memory):.0f}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
