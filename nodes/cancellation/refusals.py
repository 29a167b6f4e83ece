"""When a subscription can't be cancelled (FEATURES W23, W24)."""

from nodes.messages.customer_locale import customer_locale
from nodes.refusals.cancellation import FixedTermRunning, SubscriptionAlreadyPending
from nodes.rules.dates import rfc3339
from nodes.rules.texts import text_in
from nodes.services import services
from nodes.subscriptions.find import refuse_ended
from nodes.subscriptions.records import ActiveSubscription


async def refuse_to_cancel(subscription: ActiveSubscription) -> None:
    """Raise if it has ended, is cancelled already, or runs for a fixed term that the plan doesn't let customers end."""
    refuse_ended(subscription)
    refuse_pending(subscription)
    await refuse_in_fixed_term(subscription)


def refuse_pending(subscription: ActiveSubscription) -> None:
    """Raise `SubscriptionAlreadyPending` if it has an end date."""
    if subscription.billed.pending:
        raise SubscriptionAlreadyPending(subscription_id=subscription.id)


async def refuse_in_fixed_term(subscription: ActiveSubscription) -> None:
    """Raise `FixedTermRunning` if the plan refuses cancellations during a term that is running."""
    text, ends_at = services().catalog.plan(subscription.plan).refused_text, subscription.billed.cancel_at
    if text is None or ends_at is None or not subscription.billed.fixed_term:
        return
    async with services().database.as_user(subscription.user_id) as transaction:
        reads = await customer_locale(transaction, subscription.user_id)
    raise FixedTermRunning(text_in(text, reads.locale), subscription_id=subscription.id, term_ends_at=rfc3339(ends_at))
