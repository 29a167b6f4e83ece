"""A committed history that other processes see; it is deleted after the module, except for its immutable audit log."""

from collections.abc import Iterator

import pytest

from tests.reporting.history import History, unused_month
from tests.world import World

TABLES = (
    "retained_invoices",
    "offers_shown",
    "outbox",
    "cancellation_reasons",
    "retention_offers",
    "cancellation_requests",
    "subscriptions",
)


def forget(world: World, user_ids: list[str]) -> None:
    """Delete these users' rows."""
    for table in TABLES:
        world.admin.execute(f"DELETE FROM {table} WHERE user_id = ANY(%s)".encode(), [user_ids])
    world.admin.execute("DELETE FROM users WHERE id = ANY(%s)", [user_ids])


@pytest.fixture(scope="module")
def past(world: World) -> Iterator[History]:
    """Yield a history of 20 customers who saw the offer: 4 accepted and stayed, 16 cancelled."""
    history = History(world, unused_month(world))
    people = [history.customer("gold").shown(2).cancels(2.5, "too_expensive") for _ in range(16)]
    people += [history.customer("gold").shown(2).accepts(2.5).pays(9, 1400) for _ in range(4)]
    history.refused(4, "no-active-subscription")
    yield history
    forget(world, [person.user_id for person in people])
    world.admin.execute("DELETE FROM closed_figures WHERE month = %s", [history.month])
