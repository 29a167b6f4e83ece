"""What a customer who has not paid owes when they leave: nothing for a period that they do not get.

Where nothing was paid for the running period there is none to keep: step 6B ends the subscription at once, and each
open invoice on which nothing was paid is voided. Who paid a part, or owes for a change within a paid period, keeps the
period, and the invoice with it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nodes.cancellation.records import CancellationRequest
from nodes.clients.billing_invoices import OpenInvoice
from nodes.clients.billing_objects import BillingSubscription
from nodes.errors import BillingFailed, NotSettled
from nodes.node import run_log
from nodes.requests.kind import CANCELLATION
from nodes.requests.leave import try_with_another_key
from nodes.rules.statuses import is_live
from nodes.services import services


async def nothing_is_paid(billed: BillingSubscription) -> bool:
    """Whether the period that is running has an invoice of its own, and not a cent of it was paid."""
    if billed.status != "past_due":
        return False
    return any(
        each.for_a_period and each.amount_paid == 0 and each.created_at >= billed.current_period_start
        for each in await services().billing.invoices.open(billed.id)
    )


async def void_what_is_open(request: CancellationRequest, billed: BillingSubscription) -> bool:
    """Stop the collection of what nobody got anything for; tells whether there was any (FEATURES F18).

    Safe to repeat: what is void is not open any more, and a repeated call has the same key.
    """
    if is_live(billed.status):
        return False
    untouched = [each for each in await services().billing.invoices.open(billed.id) if each.amount_paid == 0]
    if not untouched:
        return request.invoices_voided
    # Kept first: afterwards nothing tells these from invoices that somebody else has voided.
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("voiding_invoices", request_id=request.id)
    for each in untouched:
        await _void(request, each)
    run_log().info("voided %d open invoices", len(untouched))
    return True


async def _void(request: CancellationRequest, invoice: OpenInvoice) -> None:
    # A key an invoice: a request may have several, and each is voided once.
    key = request.billing_key(f"6B:void:{invoice.invoice_id}")
    await services().billing.invoices.void(invoice.invoice_id, key=key)
    run_log().info("voided invoice %s: nothing was paid on it", invoice.invoice_id)


@asynccontextmanager
async def settling(request: CancellationRequest) -> AsyncIterator[None]:
    """Surround what is done with the invoices of a subscription that is over by now.

    Stripe has carried the cancellation out, so a call that fails is no failure to tell the customer of: `NotSettled`
    leaves the request to be taken up again.
    """
    try:
        yield
    except BillingFailed as failure:
        if failure.answered:
            await try_with_another_key(CANCELLATION, request.id, request.user_id)
        raise NotSettled(f"it is over, and an invoice is still to be dealt with: {failure}") from None
