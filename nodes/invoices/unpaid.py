"""Unpaid invoices of a customer who cancels.

If nothing was paid for the current period, step 6B ends the subscription immediately and voids each open invoice on
which nothing was paid, unless the company decides otherwise (`past_due` in the catalogue, PAST_DUE_POLICY). Customers
who paid a part, or owe for a change within a paid period, keep the period and the invoice. An invoice with a due date
was sent with payment terms: it stays owed, and never ends a subscription.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

from nodes.clients.billing.invoices import OpenInvoice
from nodes.clients.billing.objects import BillingSubscription
from nodes.errors import BillingFailed, NotSettled
from nodes.node import run_log
from nodes.requests.kind import CANCELLATION
from nodes.requests.records import Request
from nodes.requests.retry import try_with_another_key
from nodes.rules.catalog import PastDuePolicy
from nodes.rules.statuses import is_live
from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription


def ends_unpaid(subscription: ActiveSubscription, found: Iterable[OpenInvoice]) -> bool:
    """Return whether to end the subscription now, because nothing was paid on the current period's open invoice."""
    billed = subscription.billed
    if billed.status != "past_due" or billed.sends_invoices or _policy(subscription) == "keep_period":
        return False
    return any(_untouched(each) for each in _of_period(billed, found))


def owes_for_period(billed: BillingSubscription, found: Iterable[OpenInvoice]) -> bool:
    """Return whether an open invoice is for the current period."""
    return any(_of_period(billed, found))


def is_voided(subscription: ActiveSubscription, invoice: OpenInvoice) -> bool:
    """Return whether an open invoice is voided when the subscription ends immediately."""
    return _policy(subscription) == "end_and_void" and _untouched(invoice)


def _of_period(billed: BillingSubscription, found: Iterable[OpenInvoice]) -> Iterator[OpenInvoice]:
    return (each for each in found if each.for_a_period and each.created_at >= billed.current_period_start)


def _untouched(invoice: OpenInvoice) -> bool:
    return invoice.amount_paid == 0 and invoice.due_at is None


async def void_what_is_open(request: Request, subscription: ActiveSubscription, ended: BillingSubscription) -> bool:
    """Void open invoices on which nothing was paid; return whether there were any (FEATURES F18).

    Safe to repeat: a void invoice is no longer open, and a repeated call has the same key.
    """
    if is_live(ended.status) or _policy(subscription) != "end_and_void":
        return False
    found = await services().billing.invoices.open(ended.id)
    untouched = list(filter(_untouched, found))
    if not untouched:
        return False
    # Recorded first: afterwards they can't be distinguished from invoices that were voided elsewhere.
    async with services().database.as_user(request.user_id) as transaction:
        await transaction.run("voiding_invoices", request_id=request.id)
    for each in untouched:
        await _void(request, each)
    run_log().info("voided %d open invoices", len(untouched))
    return True


def _policy(subscription: ActiveSubscription) -> PastDuePolicy:
    return services().catalog.plan(subscription.plan).past_due or services().settings.past_due_policy


async def _void(request: Request, invoice: OpenInvoice) -> None:
    # One key per invoice, because a request may void several.
    key = request.billing_key(f"6B:void:{invoice.invoice_id}")
    await services().billing.invoices.void(invoice.invoice_id, key=key)
    run_log().info("voided invoice %s: nothing was paid on it", invoice.invoice_id)


@asynccontextmanager
async def settling(request: Request) -> AsyncIterator[None]:
    """Surround what is left of a cancellation that has begun in Stripe, such as the invoices of an ended subscription.

    A failing call must then not be reported to the customer as a failure: it raises `NotSettled`, which leaves the
    request to be retried.
    """
    try:
        yield
    except BillingFailed as failure:
        if failure.answered:
            await try_with_another_key(CANCELLATION, request.id, request.user_id)
        raise NotSettled(f"the cancellation has begun in Stripe, and is not completed yet: {failure}") from None
