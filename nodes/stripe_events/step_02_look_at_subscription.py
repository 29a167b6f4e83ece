"""Step 2: read the subscription from Stripe, update our row, and look up what was announced before."""

from dataclasses import dataclass, replace
from datetime import datetime

from nodes.node import node, run_log
from nodes.offers.made_in_stripe import Recorded, unrecorded
from nodes.services import services
from nodes.stripe_events.records import Seen, StripeEvent, Subject
from nodes.subscriptions.find import SubscriptionRow
from nodes.subscriptions.mirror import mirror


@dataclass(frozen=True)
class _Announced:
    announced_until: datetime | None
    end_is_announced: bool


@node("Look At Subscription", step="2")
async def look_at_subscription(event: StripeEvent, subject: Subject) -> Seen:
    """Fetch the subscription and update our row to match it (FEATURES N02, N09)."""
    found = await services().billing.subscription(subject.id)
    async with services().database.as_user(subject.user_id) as transaction:
        [told] = await transaction.all("announced_of_subscription", _Announced, subscription_id=subject.id)
        billed = replace(found, announced=told.announced_until is not None)
        await mirror(transaction, billed)
        [row] = await transaction.all("subscription", SubscriptionRow, subscription_id=subject.id)
        [recorded] = await transaction.all("recorded_changes", Recorded, subscription_id=subject.id)
    run_log().info("%s is %s in Stripe, ends at %s", billed.id, billed.status, billed.cancel_at)
    return Seen(
        event,
        subject.user_id,
        row.plan,
        billed,
        told.announced_until,
        told.end_is_announced,
        unrecorded(event.change, row.plan, billed, recorded),
    )
