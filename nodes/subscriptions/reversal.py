"""Whether a cancelled subscription goes on after all, by Stripe: our rows may be late."""

from nodes.errors import BillingFailed
from nodes.rules.statuses import is_live
from nodes.services import services


async def is_reversed(subscription_id: str) -> bool:
    """Return whether Stripe, read back, shows no cancellation. Raises `BillingFailed`."""
    try:
        billed = await services().billing.subscription(subscription_id)
    except BillingFailed as error:
        if error.code == "resource_missing":
            return False
        raise
    return is_live(billed.status) and not billed.pending
