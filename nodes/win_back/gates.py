"""Whether a customer may be written to: by our rows, and by Stripe, whose events may be late."""

from nodes.clients.database.client import Transaction
from nodes.consents.ledger import standing_consent
from nodes.rules.statuses import is_live
from nodes.rules.win_back import Departure, Outcome, why_not
from nodes.services import services
from nodes.win_back.records import Tagged


async def refusal(transaction: Transaction, customer: Tagged) -> Outcome | None:
    """Return why the customer is not written to, by the rows and the consents of this moment; None if they are."""
    departure = await transaction.one("departure", Departure, request_id=customer.request_id, tag=customer.tag)
    if departure is None:  # the customer's data was deleted
        return "not_tagged"
    consent = await standing_consent(transaction, customer.user_id, "email_marketing")
    return why_not(departure, consents=consent is not None)


async def subscribed_in_stripe(user_id: str) -> bool:
    """Return whether Stripe has a subscription of the user that will renew. Raises `BillingFailed`."""
    async with services().database.as_user(user_id) as transaction:
        customers = await transaction.values("stripe_customers_of_user")
    for customer in customers:
        billed = await services().records.subscriptions_of(customer) or []
        if any(is_live(each.status) and not each.pending and each.status != "incomplete" for each in billed):
            return True
    return False
