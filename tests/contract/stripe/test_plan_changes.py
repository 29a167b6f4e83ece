"""Changes of price, quantity and interval: what is charged, credited and invoiced, and when."""

from typing import Any

import pytest
import stripe

from .refusals import refused
from .shop import START, Shop, at, lines, period_end

HALF = at(2027, 1, 30) + 43_200  # half of the month from 15 January, which has 31 days
MONTH_END = at(2027, 2, 15)


def _half_a_month_old(shop: Shop, **params: Any) -> tuple[str, stripe.Subscription]:
    """Create a monthly subscription of 49 dollars, half a month ago."""
    clock = shop.clock()
    subscription = shop.subscription(shop.customer(clock=clock), **params)
    shop.advance(clock, HALF)
    return clock, subscription


def _change(shop: Shop, subscription: stripe.Subscription, price: stripe.Price, **params: Any) -> stripe.Subscription:
    item = {"id": subscription["items"].data[0].id, "price": price.id}
    given: Any = {"items": [item], "expand": ["latest_invoice"]} | params
    return shop.v1.subscriptions.update(subscription.id, given)


def _latest(subscription: stripe.Subscription) -> stripe.Invoice:
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    return subscription.latest_invoice


def test_an_upgrade_is_invoiced_immediately(shop: Shop) -> None:
    _, subscription = _half_a_month_old(shop)
    after = _change(shop, subscription, shop.price("month", 9900), proration_behavior="always_invoice")
    invoice = _latest(after)
    assert (invoice.billing_reason, invoice.status, invoice.amount_paid) == ("subscription_update", "paid", 2500)
    assert (invoice.period_start, invoice.period_end) == (HALF, HALF)
    assert lines(invoice) == [(-2450, True, HALF, MONTH_END), (4950, True, HALF, MONTH_END)]
    assert [line.description for line in invoice.lines.data] == [
        "Unused time on Professional after 30 Jan 2027",
        "Remaining time on Professional after 30 Jan 2027",
    ]
    assert not any(line.discountable for line in invoice.lines.data)
    assert (period_end(after), after.billing_cycle_anchor) == (MONTH_END, START)


def test_a_credit_names_what_it_credits(shop: Shop) -> None:
    _, subscription = _half_a_month_old(shop, expand=["latest_invoice"])
    first = _latest(subscription)
    invoice = _latest(_change(shop, subscription, shop.price("month", 9900), proration_behavior="always_invoice"))
    parent: Any = invoice.lines.data[0].parent
    details = parent.subscription_item_details
    assert details.proration_details.credited_items.to_dict() == {
        "invoice": first.id,
        "invoice_line_items": [first.lines.data[0].id],
    }
    assert details.invoice_item.startswith("ii_")


def test_a_downgrade_leaves_credit_for_later_invoices(shop: Shop) -> None:
    clock, subscription = _half_a_month_old(shop)
    after = _change(shop, subscription, shop.price("month", 900), proration_behavior="always_invoice")
    invoice = _latest(after)
    assert (invoice.total, invoice.amount_due, invoice.status) == (450 - 2450, 0, "paid")
    assert shop.v1.customers.retrieve(str(subscription.customer)).balance == -2000
    shop.advance(clock, MONTH_END)
    assert [one.amount_due for one in shop.invoices(subscription)] == [4900, 0, 0]
    assert shop.v1.customers.retrieve(str(subscription.customer)).balance == -1100


@pytest.mark.parametrize("given", [{}, {"proration_behavior": "create_prorations"}])
def test_prorations_wait_for_the_renewal(shop: Shop, given: dict[str, str]) -> None:
    clock, subscription = _half_a_month_old(shop)
    after = _change(shop, subscription, shop.price("month", 9900), **given)
    assert _latest(after).billing_reason == "subscription_create"
    shop.advance(clock, MONTH_END)
    _, renewal = shop.invoices(subscription)
    assert (renewal.billing_reason, renewal.amount_paid) == ("subscription_cycle", 2500 + 9900)
    assert lines(renewal) == [
        (-2450, True, HALF, MONTH_END),
        (4950, True, HALF, MONTH_END),
        (9900, False, MONTH_END, at(2027, 3, 15)),
    ]
    shop.advance(clock, at(2027, 3, 15))
    assert shop.invoices(subscription)[-1].amount_paid == 9900


def test_without_prorations_the_renewal_has_the_new_price(shop: Shop) -> None:
    clock, subscription = _half_a_month_old(shop)
    _change(shop, subscription, shop.price("month", 9900), proration_behavior="none")
    shop.advance(clock, MONTH_END)
    assert [one.amount_paid for one in shop.invoices(subscription)] == [4900, 9900]


def test_waiting_prorations_join_an_immediate_invoice(shop: Shop) -> None:
    _, subscription = _half_a_month_old(shop)
    _change(shop, subscription, shop.price("month", 9900))
    after = _change(shop, subscription, shop.price("month", 19_900), proration_behavior="always_invoice")
    assert [line.amount for line in _latest(after).lines.data] == [-2450, 4950, -4950, 9950]


def test_a_change_of_quantity_is_prorated(shop: Shop) -> None:
    _, subscription = _half_a_month_old(shop)
    item = {"id": subscription["items"].data[0].id, "quantity": 3}
    given: Any = {"items": [item], "proration_behavior": "always_invoice", "expand": ["latest_invoice"]}
    invoice = _latest(shop.v1.subscriptions.update(subscription.id, given))
    assert [line.amount for line in invoice.lines.data] == [-2450, 7350]
    assert [line.quantity for line in invoice.lines.data] == [1, 3]
    assert [line.pricing and str(line.pricing.unit_amount_decimal) for line in invoice.lines.data] == ["-2450", "2450"]


def test_added_and_removed_items_are_prorated(shop: Shop) -> None:
    clock, subscription = _half_a_month_old(shop)
    given: Any = {"items": [{"price": shop.price("month", 1000).id}], "proration_behavior": "always_invoice"}
    added = shop.v1.subscriptions.update(subscription.id, given | {"expand": ["latest_invoice"]})
    assert [line.amount for line in _latest(added).lines.data] == [500]
    assert period_end(added) == max(item.current_period_end for item in added["items"].data) == MONTH_END
    removed = shop.v1.subscriptions.update(
        subscription.id, {"items": [{"id": added["items"].data[1].id, "deleted": True}]}
    )
    assert len(removed["items"].data) == 1
    shop.advance(clock, MONTH_END)
    assert [line.amount for line in shop.invoices(subscription)[-1].lines.data] == [-500, 4900]


def test_an_update_that_changes_no_item_bills_nothing(shop: Shop) -> None:
    _, subscription = _half_a_month_old(shop)
    _change(shop, subscription, shop.price(), proration_behavior="always_invoice")
    assert len(shop.invoices(subscription)) == 1


@pytest.mark.parametrize(
    ("behavior", "credit"), [("always_invoice", -2450), ("create_prorations", -2450), ("none", None)]
)
def test_another_interval_starts_a_new_cycle_now(shop: Shop, behavior: str, credit: int | None) -> None:
    clock, subscription = _half_a_month_old(shop)
    yearly = shop.price("year", 49_000)
    after = _change(shop, subscription, yearly, proration_behavior=behavior)
    invoice = _latest(after)
    end = HALF + 365 * 86_400
    assert (after.billing_cycle_anchor, period_end(after)) == (HALF, end)
    assert (invoice.billing_reason, invoice.amount_paid) == ("subscription_update", 49_000 + (credit or 0))
    credited = [(credit, True, HALF, MONTH_END)] if credit else []
    assert lines(invoice) == [*credited, (49_000, False, HALF, end)]
    shop.advance(clock, MONTH_END)
    assert len(shop.invoices(subscription)) == 2


def test_from_free_to_paid_starts_a_new_cycle_too(shop: Shop) -> None:
    _, subscription = _half_a_month_old(shop, items=[{"price": shop.price("month", 0).id}])
    after = _change(shop, subscription, shop.price())
    assert (after.billing_cycle_anchor, _latest(after).amount_paid) == (HALF, 4900)


def test_a_scheduled_end_moves_with_the_period(shop: Shop) -> None:
    _, subscription = _half_a_month_old(shop)
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    after = _change(shop, subscription, shop.price("year", 49_000))
    assert after.cancel_at == period_end(after) == HALF + 365 * 86_400


def test_the_time_of_the_proration_can_be_fixed(shop: Shop) -> None:
    clock, subscription = _half_a_month_old(shop)
    shop.advance(clock, HALF + 3600)
    after = _change(
        shop, subscription, shop.price("month", 9900), proration_behavior="always_invoice", proration_date=HALF
    )
    assert lines(_latest(after)) == [(-2450, True, HALF, MONTH_END), (4950, True, HALF, MONTH_END)]
    assert _latest(after).created == HALF + 3600


def test_no_more_is_credited_than_was_billed(shop: Shop) -> None:
    _, subscription = _half_a_month_old(shop)
    _change(shop, subscription, shop.price("month", 9900), proration_behavior="always_invoice")
    earlier = {"proration_behavior": "always_invoice", "proration_date": START}
    invoice = _latest(_change(shop, subscription, shop.price("month", 900), **earlier))
    assert [line.amount for line in invoice.lines.data] == [-4950, 900]


@pytest.mark.parametrize("date", [START - 1, MONTH_END])
def test_a_proration_outside_of_the_period(shop: Shop, date: int) -> None:
    _, subscription = _half_a_month_old(shop)
    with refused(param="proration_date", says="within the current period"):
        _change(shop, subscription, shop.price("month", 9900), proration_date=date)
    with refused(param="proration_date", says="proration_behavior=none"):
        _change(shop, subscription, shop.price("month", 9900), proration_date=HALF, proration_behavior="none")


@pytest.mark.parametrize("mode", ["flexible", "classic"])
def test_discounts_are_part_of_a_prorations_amount(shop: Shop, mode: str) -> None:
    _, subscription = _half_a_month_old(
        shop, discounts=[{"coupon": shop.coupon(50, None).id}], billing_mode={"type": mode}
    )
    invoice = _latest(_change(shop, subscription, shop.price("month", 9900), proration_behavior="always_invoice"))
    assert [line.amount for line in invoice.lines.data] == [-1225, 2475]
    assert [one.amount for one in invoice.lines.data[1].discount_amounts or []] == [0]
    assert (invoice.subtotal, invoice.total) == (1250, 1250)


@pytest.mark.parametrize(("mode", "credit"), [("flexible", -2450), ("classic", -1225)])
def test_a_discount_given_since_counts_for_the_credit_only_with_classic_billing(
    shop: Shop, mode: str, credit: int
) -> None:
    _, subscription = _half_a_month_old(shop, billing_mode={"type": mode})
    shop.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": shop.coupon(50, None).id}]})
    invoice = _latest(_change(shop, subscription, shop.price("month", 9900), proration_behavior="always_invoice"))
    assert [line.amount for line in invoice.lines.data] == [credit, 2475]


@pytest.mark.parametrize(("behavior", "left"), [("always_invoice", 0), ("create_prorations", 1)])
def test_a_discount_for_once_is_used_up_by_an_invoice(shop: Shop, behavior: str, left: int) -> None:
    _, subscription = _half_a_month_old(shop)
    coupon = shop.v1.coupons.create({"percent_off": 50, "duration": "once"})
    shop.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": coupon.id}]})
    after = _change(shop, subscription, shop.price("month", 9900), proration_behavior=behavior)
    assert len(after.discounts) == left


def test_no_credit_for_what_was_never_billed(shop: Shop) -> None:
    _, subscription = _half_a_month_old(shop)
    _change(shop, subscription, shop.price("month", 9900), proration_behavior="none")
    invoice = _latest(_change(shop, subscription, shop.price("month", 19_900), proration_behavior="always_invoice"))
    assert [line.amount for line in invoice.lines.data] == [-2450, 9950]


def test_a_change_during_a_trial_costs_nothing(shop: Shop) -> None:
    clock, subscription = _half_a_month_old(shop, trial_period_days=30)
    after = _change(shop, subscription, shop.price("year", 49_000), proration_behavior="always_invoice")
    assert (after.status, after.trial_end, _latest(after).amount_due) == ("trialing", subscription.trial_end, 0)
    shop.advance(clock, at(2027, 2, 20))
    assert [one.amount_paid for one in shop.invoices(subscription)] == [0, 49_000]


def test_a_trial_in_a_paid_period_credits_the_rest(shop: Shop) -> None:
    clock, subscription = _half_a_month_old(shop)
    given: Any = {"trial_end": at(2027, 3, 1), "expand": ["latest_invoice"]}
    after = shop.v1.subscriptions.update(subscription.id, given)
    assert (after.status, after.trial_start, after.trial_end) == ("trialing", HALF, at(2027, 3, 1))
    assert lines(_latest(after)) == [(-2450, True, HALF, MONTH_END), (0, False, HALF, at(2027, 3, 1))]
    shop.advance(clock, at(2027, 3, 1))
    assert shop.invoices(subscription)[-1].amount_paid == 2450


def _with_failing_card(shop: Shop) -> stripe.Subscription:
    _, subscription = _half_a_month_old(shop)
    card: stripe.params.CustomerUpdateParamsInvoiceSettings = {"default_payment_method": "pm_card_chargeCustomerFail"}
    shop.v1.customers.update(str(subscription.customer), {"invoice_settings": card})
    return subscription


def test_an_upgrade_that_cannot_be_paid_is_past_due(shop: Shop) -> None:
    subscription = _with_failing_card(shop)
    after = _change(shop, subscription, shop.price("month", 9900), proration_behavior="always_invoice")
    assert (after.status, after["items"].data[0].price.unit_amount) == ("past_due", 9900)
    assert (_latest(after).status, _latest(after).attempt_count) == ("open", 1)
    shop.v1.invoices.pay(_latest(after).id, {"payment_method": "pm_card_visa"})
    assert shop.fresh(subscription).status == "active"


@pytest.mark.parametrize("interval", ["month", "year"])
def test_error_if_incomplete_refuses_an_unpaid_change(shop: Shop, interval: Any) -> None:
    subscription = _with_failing_card(shop)
    before, events = shop.fresh(subscription), shop.events(subscription.id)
    given = {"proration_behavior": "always_invoice", "payment_behavior": "error_if_incomplete"}
    with pytest.raises(stripe.CardError) as caught:
        _change(shop, subscription, shop.price(interval, 9900), **given)
    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")
    assert shop.fresh(subscription).to_dict() == before.to_dict()
    assert len(shop.events(subscription.id)) == len(events)
    assert len(shop.invoices(subscription)) == 1


@pytest.mark.parametrize("behavior", ["default_incomplete", "pending_if_incomplete"])
def test_pending_updates_are_left_out(shop: Shop, behavior: str) -> None:
    _, subscription = _half_a_month_old(shop)
    with pytest.raises(stripe.APIError, match=f"does not implement 'payment_behavior={behavior}'"):
        _change(shop, subscription, shop.price("month", 9900), payment_behavior=behavior)


def test_a_cancellation_can_credit_and_invoice_the_rest(shop: Shop) -> None:
    _, subscription = _half_a_month_old(shop)
    shop.v1.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})
    final = shop.invoices(subscription)[-1]
    assert (lines(final), final.total) == ([(-2450, True, HALF, MONTH_END)], -2450)
    assert shop.v1.customers.retrieve(str(subscription.customer)).balance == -2450
    _, kept = _half_a_month_old(shop)
    shop.v1.subscriptions.cancel(kept.id)
    assert len(shop.invoices(kept)) == 1
