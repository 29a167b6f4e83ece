"""Previews: each equals the invoice that the same update makes, and none changes anything."""

from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as some

from .process import Simulator
from .refusals import refused
from .shop import DAY, START, Shop, at, lines, period_end

pytestmark = pytest.mark.slow

HALF = at(2027, 1, 30) + 43_200
MONTH_END = at(2027, 2, 15)
COUPONS: list[dict[str, Any] | None] = [
    None,
    {"percent_off": 33.3, "duration": "forever"},
    {"percent_off": 50, "duration": "once"},
    {"percent_off": 20, "duration": "repeating", "duration_in_months": 1},
    {"percent_off": 20, "duration": "repeating", "duration_in_months": 5},
    {"amount_off": 700, "currency": "usd", "duration": "forever"},
    {"amount_off": 9999, "currency": "usd", "duration": "once"},
]


def _subscribed(shop: Shop, to: int = HALF, **params: Any) -> tuple[str, stripe.Subscription]:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock), **params)
    shop.advance(clock, to)
    return clock, shop.fresh(subscription)


def _price_change(subscription: stripe.Subscription, price: stripe.Price, **params: Any) -> dict[str, Any]:
    return {"items": [{"id": subscription["items"].data[0].id, "price": price.id}]} | params


def _preview(shop: Shop, subscription: stripe.Subscription, details: dict[str, Any], **params: Any) -> stripe.Invoice:
    given: Any = {"subscription": subscription.id, "subscription_details": details} | params
    return shop.v1.invoices.create_preview(given)


def _money(invoice: stripe.Invoice) -> dict[str, Any]:
    """Return everything that a customer would read on an invoice."""
    same = ("amount_due", "created", "currency", "period_end", "period_start", "starting_balance", "subtotal", "total")
    shown = [
        (line.description, line.quantity, line.discountable, [one.amount for one in line.discount_amounts or []])
        for line in invoice.lines.data
    ]
    off = [one.amount for one in invoice.total_discount_amounts or []]
    return {name: invoice[name] for name in same} | {"lines": lines(invoice), "shown": shown, "off": off}


def _follows(shop: Shop, clock: str, subscription: stripe.Subscription, update: dict[str, Any]) -> stripe.Invoice:
    """Carry out an update, move the clock if it makes no invoice, and return the invoice that follows."""
    before = len(shop.invoices(subscription))
    after = shop.v1.subscriptions.update(subscription.id, update)  # type: ignore[arg-type]
    if len(shop.invoices(subscription)) == before:
        shop.advance(clock, period_end(after))
    return shop.invoices(subscription)[before]


def test_a_preview_is_not_an_invoice(shop: Shop) -> None:
    _, subscription = _subscribed(shop)
    details = _price_change(subscription, shop.price("month", 9900), proration_behavior="always_invoice")
    preview = _preview(shop, subscription, details)
    assert preview.id.startswith("upcoming_in_")
    assert (preview.status, preview.number, preview.billing_reason) == ("draft", None, "upcoming")
    assert {line.invoice for line in preview.lines.data} == {preview.id}
    with refused(code="resource_missing", param="invoice", status=404):
        shop.v1.invoices.retrieve(preview.id.removeprefix("upcoming_"))


def test_a_preview_changes_nothing(simulator: Simulator, shop: Shop) -> None:
    _, subscription = _subscribed(shop)
    coupon = shop.coupon(max_redemptions=1)
    customer = shop.v1.customers.retrieve(str(subscription.customer))
    details = _price_change(subscription, shop.price("year", 49_000))
    last = shop.v1.events.list({"limit": 1}).data[0].id
    preview = _preview(shop, subscription, details, discounts=[{"coupon": coupon.id}], expand=["discounts"])
    assert isinstance(preview.discounts[0], stripe.Discount)
    assert preview.discounts[0].source.coupon == coupon.id
    assert shop.v1.events.list({"limit": 1}).data[0].id == last
    assert shop.v1.coupons.retrieve(coupon.id).times_redeemed == 0
    assert shop.v1.customers.retrieve(customer.id).to_dict() == customer.to_dict()
    assert shop.fresh(subscription).to_dict() == subscription.to_dict()
    assert len(shop.invoices(subscription)) == 1
    assert subscription.id not in str(simulator.control("GET", "webhooks"))


def test_the_preview_for_each_proration_behavior(shop: Shop) -> None:
    _, subscription = _subscribed(shop)
    dear = shop.price("month", 9900)

    def previewed(price: stripe.Price, behavior: str) -> tuple[int, list[int]]:
        found = _preview(shop, subscription, _price_change(subscription, price, proration_behavior=behavior))
        return found.created, [line.amount for line in found.lines.data]

    assert previewed(dear, "always_invoice") == (HALF, [-2450, 4950])
    assert previewed(dear, "create_prorations") == (MONTH_END, [-2450, 4950, 9900])
    assert previewed(dear, "none") == (MONTH_END, [9900])
    assert previewed(shop.price("year", 49_000), "create_prorations") == (HALF, [-2450, 49_000])
    assert previewed(shop.price("year", 49_000), "none") == (HALF, [49_000])


def test_the_end_of_a_trial(shop: Shop) -> None:
    clock, subscription = _subscribed(shop, trial_period_days=30)
    assert _preview(shop, subscription, {}).created == subscription.trial_end
    later = _preview(shop, subscription, {"trial_end": at(2027, 3, 1)})
    assert (later.created, later.amount_due) == (at(2027, 3, 1), 4900)
    now = _preview(shop, subscription, {"trial_end": "now"})
    assert (now.created, now.amount_due) == (HALF, 4900)
    shop.v1.subscriptions.update(subscription.id, {"trial_end": at(2027, 3, 1)})
    shop.advance(clock, at(2027, 3, 1))
    assert _money(shop.invoices(subscription)[-1]) == _money(later)


def test_cancel_now_previews_the_credit(shop: Shop) -> None:
    _, subscription = _subscribed(shop)
    preview = _preview(shop, subscription, {"cancel_now": True})
    assert (lines(preview), preview.total) == ([(-2450, True, HALF, MONTH_END)], -2450)
    with refused(code="invoice_upcoming_none", status=404):
        _preview(shop, subscription, {"cancel_now": True, "proration_behavior": "none"})
    earlier = _preview(shop, subscription, {"cancel_now": True, "proration_date": HALF - DAY})
    assert lines(earlier) == [(-2608, True, HALF - DAY, MONTH_END)]
    with refused(param="proration_date", says="within the current period"):
        _preview(shop, subscription, {"cancel_now": True, "proration_date": MONTH_END})
    shop.v1.subscriptions.cancel(subscription.id, {"invoice_now": True, "prorate": True})
    assert _money(shop.invoices(subscription)[-1]) == _money(preview)


def test_no_preview_if_the_subscription_ends_before_its_next_invoice(shop: Shop) -> None:
    _, subscription = _subscribed(shop)
    for ends in ({"cancel_at_period_end": True}, {"cancel_at": MONTH_END}, {"cancel_at": "min_period_end"}):
        with refused(code="invoice_upcoming_none", status=404):
            _preview(shop, subscription, ends)
    assert _preview(shop, subscription, {"cancel_at": at(2027, 3, 20)}).created == MONTH_END
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert _preview(shop, subscription, {"cancel_at_period_end": False}).amount_due == 4900


def test_a_paused_subscription_has_no_next_invoice(shop: Shop) -> None:
    _, subscription = _subscribed(shop)
    shop.v1.subscriptions.pause(subscription.id)
    with refused(code="invoice_upcoming_none", status=404):
        _preview(shop, subscription, {})


def test_a_preview_refuses_what_the_update_refuses(shop: Shop) -> None:
    _, subscription = _subscribed(shop)
    dear = shop.price("month", 9900)
    with refused(param="proration_date", says="within the current period"):
        _preview(shop, subscription, _price_change(subscription, dear, proration_date=START - 1))
    with refused(code="resource_missing", param="items[0][id]", says="si_none"):
        _preview(shop, subscription, {"items": [{"id": "si_none"}]})
    with pytest.raises(stripe.APIError, match="does not implement"):
        _preview(shop, subscription, {}, preview_mode="recurring")


@settings(max_examples=30)
@given(
    old=some.tuples(some.sampled_from(["month", "year"]), some.sampled_from([0, 4900, 9999])),
    new=some.tuples(some.sampled_from(["month", "year"]), some.sampled_from([0, 1000, 9999, 29_900])),
    quantity=some.sampled_from([1, 3]),
    first=some.sampled_from(COUPONS),
    later=some.sampled_from(COUPONS),
    seconds=some.integers(1, 30 * DAY),
    behavior=some.sampled_from(["always_invoice", "create_prorations", "none"]),
    dated=some.booleans(),
    mode=some.sampled_from(["flexible", "classic"]),
)
def test_a_preview_equals_the_invoice_that_follows(
    shop: Shop,
    old: Any,
    new: Any,
    quantity: int,
    first: dict[str, Any] | None,
    later: dict[str, Any] | None,
    seconds: int,
    behavior: str,
    dated: bool,
    mode: str,
) -> None:
    def discounts(coupon: Any) -> dict[str, Any]:
        return {"discounts": [{"coupon": shop.v1.coupons.create(coupon).id}]} if coupon else {}

    items = {"items": [{"price": shop.price(*old).id}], "billing_mode": {"type": mode}}
    clock, subscription = _subscribed(shop, START + seconds, **items, **discounts(first))
    item = {"id": subscription["items"].data[0].id, "price": shop.price(*new).id, "quantity": quantity}
    details: dict[str, Any] = {"items": [item], "proration_behavior": behavior}
    if dated and behavior != "none":
        details["proration_date"] = START + seconds // 2
    added = discounts(later)
    preview = _preview(shop, subscription, details, **added)
    assert _money(_follows(shop, clock, subscription, details | added)) == _money(preview)
    # And again, as prorations, discounts and credit from the change run out.
    for _ in range(3):
        again = _preview(shop, subscription, {})
        shop.advance(clock, period_end(shop.fresh(subscription)))
        assert _money(shop.invoices(subscription)[-1]) == _money(again)
