"""The link to a customer's contact preferences, in every email and on the cancel page."""

from datetime import UTC, datetime, timedelta

from nodes.clients.database.client import Transaction
from nodes.services import services

# An email may be opened long after it was sent. Canada asks for 60 days (S.C. 2010, c. 23, s. 11(2)), the US for 30.
LINK_LASTS = timedelta(days=365)


async def preferences_url(transaction: Transaction, user_id: str) -> str | None:
    """Return the link; None if the company asks for no consent."""
    [asked_for] = await transaction.values("consents_asked_for")
    return services().links.preferences_url(user_id, datetime.now(UTC) + LINK_LASTS) if asked_for else None


def unsubscribe_url(user_id: str) -> str:
    """Return the link with which a marketing email is unsubscribed from by one click, in the mail program itself."""
    return services().links.unsubscribe_url(user_id, datetime.now(UTC) + LINK_LASTS)
