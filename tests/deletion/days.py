"""Simulated days after a subscription's end, in our rows and in Stripe, because no clock can wait 90 days.

No values are invented: the product or Stripe wrote each time, and all of them move together.
"""

import time

from tests.webhooks.events import order
from tests.world import Person, Row, World

DAY = 24 * 3600
# Its rows cannot be changed, and no days are counted from them.
KEPT = "audit_log"
TIME_COLUMNS = """
SELECT t.table_name AS name, array_agg(c.column_name::text) AS times,
    CASE t.table_name WHEN 'subscriptions' THEN 'id' ELSE 'subscription_id' END AS whose
FROM information_schema.tables t JOIN information_schema.columns c USING (table_schema, table_name)
WHERE t.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND t.table_name <> %s
    AND c.data_type IN ('date', 'timestamp with time zone')
    AND (t.table_name = 'subscriptions' OR EXISTS (
        SELECT FROM information_schema.columns k WHERE k.table_schema = t.table_schema
            AND k.table_name = t.table_name AND k.column_name = 'subscription_id'))
GROUP BY t.table_name
"""


def day_after_the_end(world: World, person: Person, day: float, *, which: int = -1) -> None:
    """Move ended subscriptions so that this one ended so many days and a minute ago. A live one is not moved."""
    found = [world.stripe.subscriptions.retrieve(each) for each in person.subscription_ids]
    ended_at = found[which].ended_at
    assert ended_at is not None
    seconds = round(day * DAY - (time.time() - ended_at)) + 60
    for over in [each.id for each in found if each.ended_at]:
        order(world, "age", subscription=over, seconds=seconds)
        for table in world.rows(TIME_COLUMNS, KEPT):
            _move(world, table, over, seconds)


def _move(world: World, table: Row, subscription_id: str, seconds: int) -> None:
    moved = ", ".join(f"{name} = {name} - %(by)s::interval" for name in table["times"])
    statement = f"UPDATE {table['name']} SET {moved} WHERE {table['whose']} = %(id)s"
    world.admin.execute(statement.encode(), {"by": f"{seconds} seconds", "id": subscription_id})
