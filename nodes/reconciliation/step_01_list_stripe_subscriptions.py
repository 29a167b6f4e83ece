"""Step 1: one page of what Stripe has that has not ended."""

from nodes.clients.billing_objects import Page
from nodes.node import node, run_log
from nodes.services import services


@node("List Stripe Subscriptions", step="1")
async def list_stripe_subscriptions(after: str | None) -> Page:
    """A hundred a call, so that a walk costs Stripe little (https://docs.stripe.com/api/subscriptions/list)."""
    page = await services().billing.live_subscriptions(after)
    run_log().info("%d subscriptions after %s", len(page.subscriptions), after or "the first")
    return page
