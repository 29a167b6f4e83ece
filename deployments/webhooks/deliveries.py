"""`cancelflow webhooks list` and `replay`: what waits or has failed, from the database. Runs as the owner."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from psycopg.rows import class_row
from rich.console import Console
from rich.table import Table

from deployments.operations.requests import connected
from nodes.errors import CancelflowError
from nodes.rules.webhook_events import WEBHOOK_EVENTS
from nodes.settings import DatabaseSettings, WebhookSettings
from sql import QUERIES

AT_MOST_LISTED = 200


class NothingToReplay(CancelflowError):
    """No delivery has this id, or none has failed."""


@dataclass(frozen=True)
class Counts:
    """How many deliveries an endpoint has; of those that are over, only the last 30 days'."""

    endpoint: str
    delivered: int = 0
    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Undelivered:
    """A delivery that has failed at least once. `due_at`: of the next attempt; None after the last one."""

    id: UUID
    endpoint: str
    type: str
    at: datetime
    attempts: int
    problem: str | None
    due_at: datetime | None


def replay(settings: DatabaseSettings, delivery_id: UUID) -> None:
    """Send a delivery again, under the same id. Raises `NothingToReplay`."""
    with connected(settings) as connection:
        if not connection.execute(QUERIES["replay_webhook"], {"id": delivery_id}).fetchone():
            raise NothingToReplay(f"there is no delivery {delivery_id}: cancelflow webhooks list")


def replay_failed(settings: DatabaseSettings, since: datetime) -> int:
    """Send every delivery again that has failed for good, of events since then; return how many."""
    with connected(settings) as connection:
        return connection.execute(QUERIES["replay_failed_webhooks"], {"since": since}).rowcount


def show(settings: DatabaseSettings, endpoints: WebhookSettings, console: Console) -> None:
    """Print the endpoints with their counts, and failed deliveries. Of a URL only the host, as it may be secret."""
    with connected(settings) as connection:
        with connection.cursor(row_factory=class_row(Counts)) as cursor:
            counts = {each.endpoint: each for each in cursor.execute(QUERIES["webhooks_by_endpoint"])}
        with connection.cursor(row_factory=class_row(Undelivered)) as cursor:
            found = cursor.execute(QUERIES["webhooks_undelivered"], {"at_most": AT_MOST_LISTED}).fetchall()
    names = sorted({*endpoints.webhooks, *counts})
    if not names:
        console.print("there are no endpoints: set WEBHOOKS and WEBHOOK_SECRETS")
        return
    table = Table("endpoint", "host", "events", "delivered", "waiting", "failed", box=None, pad_edge=False)
    for name in names:
        table.add_row(*_endpoint(endpoints, counts.get(name, Counts(name))))
    console.print(table, highlight=False)
    for line in _lines(found):
        console.print(line, highlight=False, soft_wrap=True)


def _endpoint(endpoints: WebhookSettings, counts: Counts) -> Iterator[str]:
    yield counts.endpoint
    if endpoint := endpoints.webhook_endpoints.get(counts.endpoint):
        yield urlsplit(endpoint.url).hostname or "-"
        yield "all" if endpoint.events == WEBHOOK_EVENTS else " ".join(endpoint.events)
    else:
        yield "not in WEBHOOKS"
        yield "-"
    yield from map(str, (counts.delivered, counts.waiting, counts.failed))


def _lines(found: list[Undelivered]) -> Iterator[str]:
    for each in found:
        then = f"next at {each.due_at:%Y-%m-%d %H:%M:%S %Z}" if each.due_at else f"cancelflow webhooks replay {each.id}"
        yield (
            f"{each.id}  {each.endpoint}  {each.type}  of {each.at:%Y-%m-%d %H:%M:%S %Z}  {each.attempts} attempts: "
            f"{each.problem or 'the last one has no result yet'}  {then}"
        )
