"""Counts of shown offers, for reports and for the cap on screens."""

import logging

from nodes.errors import CancelflowError
from nodes.services import services
from nodes.subscriptions.records import ActiveSubscription

log = logging.getLogger(__name__)


async def count_shown(subscription: ActiveSubscription, query: str, **parameters: object) -> None:
    """Record that offers were shown. A failure is logged, so that the page still loads."""
    of = {"user_id": subscription.user_id, "subscription_id": subscription.id, "plan": subscription.plan}
    try:
        async with services().database.as_user(subscription.user_id) as transaction:
            await transaction.run(query, **of, **parameters)
    except CancelflowError as error:
        log.warning("an offer shown for %s was not counted: %s", subscription.id, type(error).__name__)
