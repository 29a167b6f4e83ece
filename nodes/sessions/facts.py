"""What the blueprints' audiences decide by: a session's subscription, customer and attributes (FEATURES C09 to C11)."""

from dataclasses import dataclass

from nodes.rules.blueprints.facts import Facts
from nodes.services import services
from nodes.sessions.claims import SessionClaims
from nodes.subscriptions.facts import facts_of
from nodes.subscriptions.records import ActiveSubscription


@dataclass(frozen=True)
class _Customer:
    locale: str
    country: str | None


async def session_facts(subscription: ActiveSubscription, claims: SessionClaims, *, metadata: bool) -> Facts:
    """Return the facts for a session; the customer's metadata costs a call to Stripe. Raises `BillingFailed`."""
    async with services().database.as_user(subscription.user_id) as transaction:
        [customer] = await transaction.all("customer_for_audiences", _Customer, user_id=subscription.user_id)
    now = await services().billing.changes.time_of(subscription.billed)
    return facts_of(
        subscription,
        now,
        locale=claims.i18n.lang or customer.locale,
        country=customer.country,
        attributes=claims.customer_attributes,
        customer_metadata=await services().billing.customer_metadata(subscription.id) if metadata else {},
    )
