"""Creation of many customers with a subscription each, for benchmarks, as copies of one pair made by the API's code."""

import re
import secrets
from collections.abc import Iterator

from ..account import Account
from ..customer import customers
from ..subscription import subscription_parameters, subscriptions
from ..wire import Document

CUSTOMER: Document = {
    "email": "customer-{n}@example.com",
    "metadata": {"user_id": "user-{n}"},
    "payment_method": "pm_card_visa",
    "invoice_settings": {"default_payment_method": "pm_card_visa"},
}
# The columns that differ between copies.
_TEXTS = ("id", "customer", "subscription", "lookup", "body")
_SEPARATOR = "\x00"


def fill(account: Account, count: int, customer: Document, subscription: Document) -> None:
    """Write `count` customers with a subscription each, without events; `{n}` in a parameter is the copy's number.

    The parameters are the API's, with the same validation.
    """
    rows = _first_pair(account, customer, subscription)
    account.store.insert(_copies(rows, count))


def _first_pair(account: Account, customer: Document, subscription: Document) -> list[Document]:
    """Return the store's rows for one pair, after undoing its creation."""
    account.store.mark()
    before = account.store.last_sequence()
    made = customers.create(account, customers.CREATE(CUSTOMER | customer))
    given = subscription_parameters.CREATE({"customer": made["id"]} | subscription)
    subscriptions.create(account, given)
    rows = account.store.rows_after(before)
    account.store.undo()
    return [row for row in rows if row["object"] != "event"]


def _copies(rows: list[Document], count: int) -> Iterator[Document]:
    text = _SEPARATOR.join(row[name] or "" for row in rows for name in _TEXTS)
    own = {row["id"] for row in rows} | set(re.findall(r"\bil_[0-9a-f]{24}\b", text))
    parts = re.split("(" + "|".join(map(re.escape, ["{n}", *own])) + ")", text)
    for number in range(1, count + 1):
        named = {one: _another(one) for one in own} | {"{n}": str(number)}
        texts = iter("".join(named.get(part, part) for part in parts).split(_SEPARATOR))
        for row in rows:
            yield row | {name: next(texts) or None for name in _TEXTS}


def _another(identifier: str) -> str:
    prefix, _, tail = identifier.rpartition("_")
    return f"{prefix}_{secrets.token_hex(len(tail) // 2)}"
