"""Step 1: list one page of Stripe's live subscriptions."""

from nodes.clients.billing.objects import Page
from nodes.node import node, run_log
from nodes.services import services


@node("List Stripe Subscriptions", step="1")
async def list_stripe_subscriptions(after: str | None) -> Page:
    """List 100 subscriptions per call, the maximum (https://docs.stripe.com/api/subscriptions/list)."""
    page = await services().billing.live_subscriptions(after)
    run_log().info("%d subscriptions after %s", len(page.subscriptions), after or "the first")
    return page
