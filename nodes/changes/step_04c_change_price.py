"""Step 4C: change the subscription's price, now or by a schedule at the end of the period."""

from contextlib import suppress
from dataclasses import replace

from nodes.changes.apply import applied
from nodes.changes.records import Accepted, Applied
from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import BillingFailed
from nodes.node import node
from nodes.services import services


@node("Change Price", step="4C")
async def change_price(accepted: Accepted) -> Applied:
    """Change the price in Stripe and read it back (FEATURES C30, F19, F20). Raises `PaymentDeclined`."""
    return await (_now if accepted.agreed.when == "now" else _at_period_end)(accepted)


async def _now(accepted: Accepted) -> Applied:
    request, billed, agreed = accepted.case.request, accepted.case.subscription.billed, accepted.agreed
    [item] = billed.items
    change = services().billing.changes.change_price
    return await applied(
        accepted,
        lambda: change(
            billed.id,
            item.id,
            str(agreed.price_id),
            proration="always_invoice" if agreed.prorate else "none",
            as_of=agreed.at,
            key=request.billing_key("4C"),
        ),
    )


async def _at_period_end(accepted: Accepted) -> Applied:
    """Put the subscription under a schedule, and give that its second phase: two writes, each safe to repeat.

    If Stripe refuses the second, the schedule is released: with one, no offer fits the subscription.
    """
    request, billed, agreed = accepted.case.request, accepted.case.subscription.billed, accepted.agreed
    changes = services().billing.changes

    async def schedule() -> BillingSubscription:
        schedule_id = billed.schedule_id or await changes.begin_schedule(billed.id, key=request.billing_key("4C:begin"))
        price_id, key = str(agreed.price_id), request.billing_key("4C")
        try:
            made = await changes.schedule_price(schedule_id, billed, price_id, key=key)
        except BillingFailed as failure:
            if failure.answered:
                with suppress(BillingFailed):
                    await services().billing.release_schedule(schedule_id, key=request.billing_key("4C:release"))
            raise
        return replace(billed, stripe_request_id=made)

    return await applied(accepted, schedule)
