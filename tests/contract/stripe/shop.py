"""A shop for tests: products, prices and customers created through the SDK, separate for each test."""

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import stripe

DAY = 86_400


def at(year: int, month: int, day: int, hour: int = 0) -> int:
    """Return Unix seconds for a UTC time."""
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp())


# The start time of test clocks.
START = at(2027, 1, 15)


class Shop:
    """The shop's prices, customers and subscriptions."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self.v1 = client.v1
        self._prices: dict[tuple[str, int], stripe.Price] = {}

    def price(self, interval: Literal["month", "year"] = "month", amount: int = 4900) -> stripe.Price:
        """Return a recurring price in dollars."""
        if (interval, amount) not in self._prices:
            self._prices[interval, amount] = self.v1.prices.create(
                {
                    "currency": "usd",
                    "unit_amount": amount,
                    "recurring": {"interval": interval},
                    "product_data": {"name": "Professional"},
                }
            )
        return self._prices[interval, amount]

    def customer(self, card: str | None = "pm_card_visa", clock: str | None = None) -> stripe.Customer:
        """Create a customer with a default card."""
        params: dict[str, Any] = {"email": f"{uuid4().hex}@example.com"}
        if card:
            params |= {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
        if clock:
            params["test_clock"] = clock
        return self.v1.customers.create(params)  # type: ignore[arg-type]

    def subscription(self, customer: stripe.Customer | None = None, **params: Any) -> stripe.Subscription:
        """Create a subscription; active and monthly by default."""
        given = {"customer": (customer or self.customer()).id, "items": [{"price": self.price().id}]} | params
        return self.v1.subscriptions.create(given)  # type: ignore[arg-type]

    def coupon(self, percent: int = 30, months: int | None = 3, **params: Any) -> stripe.Coupon:
        """Create a coupon for some months; forever with None."""
        given: dict[str, Any] = {"percent_off": percent, "duration": "forever"}
        if months:
            given |= {"duration": "repeating", "duration_in_months": months}
        return self.v1.coupons.create(given | params)  # type: ignore[arg-type]

    def clock(self, start: int = START) -> str:
        """Create a test clock."""
        return self.v1.test_helpers.test_clocks.create({"frozen_time": start}).id

    def advance(self, clock: str, to: int) -> None:
        """Advance a test clock."""
        self.v1.test_helpers.test_clocks.advance(clock, {"frozen_time": to})

    def fresh(self, subscription: stripe.Subscription, *expand: str) -> stripe.Subscription:
        """Return the subscription's current state."""
        return self.v1.subscriptions.retrieve(subscription.id, {"expand": list(expand)})

    def events(self, identifier: str, *kinds: str) -> list[stripe.Event]:
        """Return the events about an object, oldest first."""
        found = self.v1.events.list({"limit": 40, "types": list(kinds)} if kinds else {"limit": 40})
        return [event for event in found.data[::-1] if event.data.object["id"] == identifier]

    def invoices(self, subscription: stripe.Subscription) -> list[stripe.Invoice]:
        """Return a subscription's invoices, oldest first."""
        return self.v1.invoices.list({"subscription": subscription.id, "limit": 100}).data[::-1]


def lines(invoice: stripe.Invoice) -> list[tuple[int, bool, int, int]]:
    """Return each line's amount, whether it is a proration, and its period."""
    found = []
    for line in invoice.lines.data:
        assert line.parent is not None
        assert line.parent.subscription_item_details is not None
        proration = line.parent.subscription_item_details.proration
        found.append((line.amount, proration, line.period.start, line.period.end))
    return found


def period_end(subscription: stripe.Subscription) -> int:
    """Return the earliest period end of the items."""
    return min(int(item.current_period_end) for item in subscription["items"].data)


def paid_renewal(shop: Shop, **params: Any) -> stripe.Invoice:
    """Return the paid renewal of 15 February."""
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock), **params)
    shop.advance(clock, at(2027, 2, 15))
    (renewal,) = shop.v1.invoices.list({"subscription": subscription.id, "limit": 1}).data
    return renewal


def open_renewal(shop: Shop) -> stripe.Invoice:
    """Return an unpaid renewal."""
    clock = shop.clock()
    customer = shop.customer(clock=clock)
    subscription = shop.subscription(customer)
    card: stripe.params.CustomerUpdateParamsInvoiceSettings = {"default_payment_method": "pm_card_chargeCustomerFail"}
    shop.v1.customers.update(customer.id, {"invoice_settings": card})
    shop.advance(clock, at(2027, 2, 15))
    return shop.v1.invoices.list({"subscription": subscription.id, "limit": 1}).data[0]
