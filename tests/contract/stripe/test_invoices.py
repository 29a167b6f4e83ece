"""Invoices: renewals, discounts over months and years, failed payments."""

import pytest
import stripe

from .process import Simulator
from .refusals import refused
from .shop import DAY, START, Shop, at, period_end


def _amounts(shop: Shop, subscription: stripe.Subscription) -> list[int]:
    """Return the amount due of each invoice, oldest first."""
    invoices = shop.v1.invoices.list({"subscription": subscription.id, "limit": 100}).data
    return [invoice.amount_due for invoice in invoices[::-1]]


def test_a_renewal(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    shop.advance(clock, at(2027, 2, 15))
    after = shop.fresh(subscription, "latest_invoice")
    assert isinstance(after.latest_invoice, stripe.Invoice)
    assert (after.status, period_end(after)) == ("active", at(2027, 3, 15))
    assert (after.latest_invoice.billing_reason, after.latest_invoice.status) == ("subscription_cycle", "paid")
    (line,) = after.latest_invoice.lines.data
    assert (line.period.start, line.period.end) == (at(2027, 2, 15), at(2027, 3, 15))
    assert after.latest_invoice.parent is not None
    assert after.latest_invoice.parent.subscription_details is not None
    assert after.latest_invoice.parent.subscription_details.subscription == subscription.id


def test_many_renewals_in_order(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    shop.advance(clock, at(2028, 1, 15))
    invoices = shop.v1.invoices.list({"subscription": subscription.id, "limit": 100}).data[::-1]
    assert [invoice.created for invoice in invoices] == [at(2027, month, 15) for month in range(1, 13)] + [
        at(2028, 1, 15)
    ]
    assert [str(invoice.number)[-4:] for invoice in invoices] == [f"{number:04}" for number in range(1, 14)]


def test_a_renewal_by_the_global_clock(simulator: Simulator, shop: Shop) -> None:
    subscription = shop.subscription()
    simulator.move_clock(now=period_end(subscription) + 1)
    assert period_end(shop.fresh(subscription)) > period_end(subscription)
    assert len(_amounts(shop, subscription)) == 2


def test_a_discount_shows_on_the_next_invoice_and_ends_after_its_months(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    shop.advance(clock, START + 5 * DAY)
    coupon = shop.coupon(30, 3)
    shop.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": coupon.id}]})
    discount = shop.fresh(subscription).discounts[0]
    shop.advance(clock, at(2027, 2, 15))
    (invoice,) = shop.v1.invoices.list({"subscription": subscription.id, "limit": 1}).data
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (4900, 3430, 3430)
    assert invoice.total_discount_amounts is not None
    assert [one.to_dict() for one in invoice.total_discount_amounts] == [{"amount": 1470, "discount": discount}]
    shop.advance(clock, at(2027, 7, 1))
    assert _amounts(shop, subscription) == [4900, 3430, 3430, 3430, 4900, 4900]
    assert shop.fresh(subscription).discounts == []
    (event,) = shop.events(str(discount), "customer.discount.deleted")
    assert event.created == at(2027, 4, 20)


@pytest.mark.parametrize(("month", "second"), [(2, 100_000), (11, 70_000)])
def test_a_repeating_coupon_counts_months_on_a_yearly_plan_too(shop: Shop, month: int, second: int) -> None:
    clock = shop.clock()
    yearly = [{"price": shop.price("year", 100_000).id}]
    subscription = shop.subscription(shop.customer(clock=clock), items=yearly)
    shop.advance(clock, at(2027, month, 1))
    shop.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": shop.coupon(30, 3).id}]})
    shop.advance(clock, at(2029, 1, 16))
    assert _amounts(shop, subscription) == [100_000, second, 100_000]


def test_a_coupon_for_once_is_spent_on_the_first_invoice(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 50, "duration": "once"})
    subscription = shop.subscription(discounts=[{"coupon": coupon.id}])
    assert (_amounts(shop, subscription), subscription.discounts) == ([2450], [])


def test_discounts_apply_one_after_the_other(shop: Shop) -> None:
    money = shop.v1.coupons.create({"amount_off": 900, "currency": "usd", "duration": "forever"})
    subscription = shop.subscription(discounts=[{"coupon": money.id}, {"coupon": shop.coupon(50, None).id}])
    assert _amounts(shop, subscription) == [2000]


def test_a_discount_of_everything_needs_no_card(shop: Shop) -> None:
    subscription = shop.subscription(shop.customer(None), discounts=[{"coupon": shop.coupon(100).id}])
    assert (subscription.status, _amounts(shop, subscription)) == ("active", [0])


def test_a_preview_shows_the_discount_and_changes_nothing(shop: Shop) -> None:
    subscription = shop.subscription(discounts=[{"coupon": shop.coupon(20).id}])
    preview = shop.v1.invoices.create_preview({"subscription": subscription.id})
    assert (preview.amount_due, preview.created) == (3920, period_end(subscription))
    other = shop.v1.invoices.create_preview(
        {"subscription": subscription.id, "discounts": [{"coupon": shop.coupon(40).id}]}
    )
    assert other.amount_due == 2940
    assert shop.fresh(subscription).to_dict() == subscription.to_dict()


def test_there_is_no_preview_of_what_ends(shop: Shop) -> None:
    subscription = shop.subscription()
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    with refused(code="invoice_upcoming_none", status=404):
        shop.v1.invoices.create_preview({"subscription": subscription.id})


def _past_due(shop: Shop, clock: str) -> stripe.Subscription:
    """Return a subscription whose first renewal failed."""
    customer = shop.customer(clock=clock)
    subscription = shop.subscription(customer)
    shop.v1.customers.update(
        customer.id, {"invoice_settings": {"default_payment_method": "pm_card_chargeCustomerFail"}}
    )
    shop.advance(clock, at(2027, 2, 15))
    return shop.fresh(subscription, "latest_invoice")


def test_a_failed_renewal_is_past_due(shop: Shop) -> None:
    subscription = _past_due(shop, shop.clock())
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert (subscription.status, subscription.latest_invoice.status) == ("past_due", "open")
    assert subscription.latest_invoice.next_payment_attempt == at(2027, 2, 18)
    assert len(shop.events(subscription.latest_invoice.id, "invoice.payment_failed")) == 1


def test_dunning_gives_up_in_the_end(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _past_due(shop, clock)
    shop.advance(clock, at(2027, 2, 28))
    assert shop.fresh(subscription).status == "past_due"
    shop.advance(clock, at(2027, 3, 2))
    after = shop.fresh(subscription)
    assert after.cancellation_details is not None
    assert (after.status, after.ended_at, after.cancellation_details.reason) == (
        "canceled",
        at(2027, 3, 1),
        "payment_failed",
    )


def test_a_cancellation_leaves_dunning_going(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _past_due(shop, clock)
    after = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (after.status, after.cancel_at) == ("past_due", at(2027, 3, 15))
    shop.advance(clock, at(2027, 2, 19))
    (invoice,) = shop.v1.invoices.list({"subscription": subscription.id, "limit": 1}).data
    assert invoice.attempt_count == 2


def test_a_new_card_heals_at_the_next_attempt(shop: Shop) -> None:
    clock = shop.clock()
    subscription = _past_due(shop, clock)
    card: stripe.params.CustomerUpdateParamsInvoiceSettings = {"default_payment_method": "pm_card_visa"}
    shop.v1.customers.update(str(subscription.customer), {"invoice_settings": card})
    shop.advance(clock, at(2027, 2, 18))
    assert shop.fresh(subscription).status == "active"


def test_paying_by_hand_heals_too(shop: Shop) -> None:
    subscription = _past_due(shop, shop.clock())
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    with pytest.raises(stripe.CardError):
        shop.v1.invoices.pay(subscription.latest_invoice.id)
    assert shop.v1.invoices.retrieve(subscription.latest_invoice.id).attempt_count == 2
    shop.v1.invoices.pay(subscription.latest_invoice.id, {"payment_method": "pm_card_visa"})
    assert shop.fresh(subscription).status == "active"
    with refused(says="Invoice is already paid"):
        shop.v1.invoices.pay(subscription.latest_invoice.id)


def test_voiding(shop: Shop) -> None:
    subscription = _past_due(shop, shop.clock())
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert shop.v1.invoices.void_invoice(subscription.latest_invoice.id).status == "void"
    with refused(says="This invoice isn't open."):
        shop.v1.invoices.void_invoice(subscription.latest_invoice.id)
    # A void invoice does not affect the status: the invoice before it was paid.
    assert shop.fresh(subscription).status == "active"


def test_lists_by_status(shop: Shop) -> None:
    subscription = _past_due(shop, shop.clock())
    params: stripe.params.InvoiceListParams = {"customer": str(subscription.customer), "status": "open"}
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert [one.id for one in shop.v1.invoices.list(params).data] == [subscription.latest_invoice.id]


def test_a_deleted_clock_takes_everything_along(shop: Shop) -> None:
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock))
    assert shop.v1.test_helpers.test_clocks.delete(clock).deleted
    with refused(code="resource_missing", param="id", status=404):
        shop.fresh(subscription)


def test_a_clock_does_not_run_backwards(shop: Shop) -> None:
    clock = shop.clock()
    with refused(param="frozen_time"):
        shop.advance(clock, START - 1)
