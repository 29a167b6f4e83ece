"""The language and time zone in which a customer reads."""

from dataclasses import dataclass

from nodes.clients.database import Transaction


@dataclass(frozen=True)
class CustomerLocale:
    """`locale` as in BCP 47, `time_zone` as in the IANA database."""

    locale: str
    time_zone: str


async def customer_locale(transaction: Transaction, user_id: str) -> CustomerLocale:
    """Return the user's locale."""
    [found] = await transaction.all("customer_locale", CustomerLocale, user_id=user_id)
    return found
