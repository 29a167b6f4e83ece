"""The customer's locale and time zone."""

from dataclasses import dataclass

from email_templates.translations import Language, language_of
from nodes.clients.database.client import Transaction


@dataclass(frozen=True)
class CustomerLocale:
    """A customer's locale (BCP 47) and time zone (IANA database). `texts`: the company's, in place of a page's own."""

    locale: str
    time_zone: str
    texts: tuple[tuple[str, str], ...] = ()

    @property
    def language(self) -> Language:
        """Return the language of messages to this customer."""
        return language_of(self.locale, self.texts)


async def customer_locale(transaction: Transaction, user_id: str) -> CustomerLocale:
    """Return the user's locale and time zone."""
    [found] = await transaction.all("customer_locale", CustomerLocale, user_id=user_id)
    return found
