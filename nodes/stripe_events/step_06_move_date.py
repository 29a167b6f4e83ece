"""Step 6: move the data retention job when the subscription's end date changed."""

from nodes.node import node, run_log
from nodes.rules.dates import data_retention_until, rfc3339
from nodes.services import services
from nodes.stripe_events.records import Happened


@node("Move Date", step="6")
async def move_date(happened: Happened) -> None:
    """Set the retention job to 90 days after Stripe's new end date."""
    seen = happened.seen
    if (cancel_at := seen.billed.cancel_at) is None:
        return
    async with services().database.as_user(seen.user_id) as transaction:
        await transaction.run(
            "set_retention_clock",
            subscription_id=seen.billed.id,
            cancel_at=cancel_at,
            run_at=data_retention_until(cancel_at),
        )
    run_log().info("%s ends at %s", seen.billed.id, rfc3339(cancel_at))
