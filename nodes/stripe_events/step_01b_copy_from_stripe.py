"""Step 1B: create or update our rows of a customer or a subscription from Stripe."""

from nodes.clients.billing.customers import Customer
from nodes.clients.database.client import Transaction
from nodes.node import node, run_log
from nodes.rules.stripe_changes import COPIES, Change
from nodes.services import services
from nodes.stripe_events.records import StripeEvent, Subject, ToCopy
from nodes.subscriptions.rows import customer_rows, subscribers_among, subscription_rows


@node("Copy From Stripe", step="1B")
async def copy_from_stripe(event: StripeEvent, to_copy: ToCopy) -> tuple[Subject, ...]:
    """Copy the objects; return the subscription that was added, if the event is about more than the copy.

    Rows that the company wrote stay, unless the event reports a change, and so do rows written since `asked_at`.
    """
    if to_copy.subscription_id is None:
        await _copy_customer(event.change, to_copy)
        return ()
    await _copy_subscription(event.change, to_copy.subscription_id, to_copy)
    if event.change in COPIES:
        return ()
    async with services().database.without_user() as transaction:
        return tuple(await transaction.all("subscriptions_of_stripe_event", Subject, id=event.id))


async def _copy_customer(change: Change, to_copy: ToCopy) -> None:
    customer = await services().customers.customer(str(to_copy.customer_id))
    if customer is None:
        run_log().info("%s no longer exists in Stripe", to_copy.customer_id)
        return
    async with services().database.without_user() as transaction:
        await _write_customer(transaction, customer_rows([customer]), to_copy, changed=change is Change.CUSTOMER)
    _report(customer)


async def _copy_subscription(change: Change, subscription_id: str, to_copy: ToCopy) -> None:
    found = await services().customers.subscription(subscription_id)
    if found is None:
        run_log().info("%s or its customer no longer exists in Stripe", subscription_id)
        return
    customer = customer_rows([found.customer], subscribed=subscribers_among([found]))
    async with services().database.without_user() as transaction:
        await _write_customer(transaction, customer, to_copy, changed=False)
        await transaction.run(
            "write_subscriptions",
            subscriptions=subscription_rows([found], services().catalog),
            asked_at=to_copy.asked_at,
            only_new=change is not Change.TERMS,
        )
    _report(found.customer)


async def _write_customer(transaction: Transaction, rows: str, to_copy: ToCopy, *, changed: bool) -> None:
    await transaction.run("write_customers", customers=rows, asked_at=to_copy.asked_at, changed=changed)


def _report(customer: Customer) -> None:
    if customer.misnamed:
        key = services().settings.stripe_user_key
        run_log().warning("%s: the metadata's %s is no valid user id; the customer's id is used", customer.id, key)
    run_log().info("copied %s", customer.id)
