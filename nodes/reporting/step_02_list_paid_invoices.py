"""Step 2: read the invoices that were paid since the subscriptions accepted their offer."""

import asyncio

from nodes.clients.billing.invoices import PaidInvoice, PaidInvoices
from nodes.clients.database.client import WithOffer
from nodes.errors import BillingFailed
from nodes.node import node, run_log
from nodes.reporting.records import Paid, ReadFromStripe
from nodes.runs.each import CONCURRENCY, for_each
from nodes.services import services

MISSING = "resource_missing"
# Stripe allows 100 calls a second for a live account and 25 for a test one, and customers' requests have priority.
CALLS_PER_SECOND = 20


@node("List Paid Invoices", step="2")
async def list_paid_invoices(subscriptions: list[WithOffer]) -> ReadFromStripe:
    """Return paid invoices from Stripe, after discounts and refunds. A subscription unknown to Stripe has none."""
    paid, _ = await for_each(subscriptions, _read, user_of=lambda each: each.user_id)
    run_log().info("%d paid invoices of %d subscriptions", sum(len(each.invoices) for each in paid), len(paid))
    return ReadFromStripe(paid, failed=len(subscriptions) - len(paid))


async def _read(subscription: WithOffer) -> Paid:
    invoices: list[PaidInvoice] = []
    after: str | None = None
    while True:
        # With CONCURRENCY readers, this minimum duration per call limits the calls per second.
        page, _ = await asyncio.gather(_page(subscription, after), asyncio.sleep(CONCURRENCY / CALLS_PER_SECOND))
        invoices += page.invoices
        if (after := page.next) is None:
            return Paid(subscription, invoices)


async def _page(subscription: WithOffer, after: str | None) -> PaidInvoices:
    try:
        return await services().billing.invoices.paid(subscription.id, subscription.accepted_at, after)
    except BillingFailed as error:
        if error.code != MISSING:
            raise
        run_log().warning("%s does not exist in Stripe", subscription.id)
        return PaidInvoices((), None)
